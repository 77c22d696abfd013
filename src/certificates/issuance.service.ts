import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { BlockedKeys } from '../keys/blocked-keys.js';
import { KeyStore } from '../keys/key-store.js';
import { buildCertificate, keyIdentifierOf, type CertificateProfile } from '../pki/certificate.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { randomSerialNumber } from '../pki/serial-number.js';
import type { SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { Clock } from '../platform/clock/clock.js';
import type { Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { CertificateEntity, type CertificateProfileName } from './certificate.entity.js';
import { CertificatesMetrics } from './certificates.metrics.js';

const NO_NAMES: SubjectAlternativeNames = { dns: [], ip: [], email: [], uri: [] };

export interface IssuanceRequest {
  readonly issuer: IssuerEntity;
  readonly profile: Extract<CertificateProfile, { kind: CertificateProfileName }>;
  readonly subjectDer: Buffer;
  readonly subject: string;
  readonly spkiDer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A reservation and the certificate that was signed for it. */
export type SignedCertificate = CertificateEntity & { certificateDer: Buffer; fingerprintSha256: Buffer };

/** Reserves serial numbers, signs, and keeps the inventory of what was signed. */
@Injectable()
export class IssuanceService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keyStore: KeyStore,
    private readonly blockedKeys: BlockedKeys,
    private readonly clock: Clock,
    private readonly metrics: CertificatesMetrics,
  ) {}

  /**
   * Reserves a serial number, then signs. The certificate counts as issued once {@link confirm} has committed; until then
   * OCSP does not know it, and a reservation that nobody confirms ends up revoked.
   * @throws DomainError issuer_not_active, compromised_key
   */
  async sign(request: IssuanceRequest): Promise<SignedCertificate> {
    // First, so that an issuer whose key is gone gives no serial numbers away.
    const signer = await this.keyStore.getSigner(request.issuer.keyId, 'certificate');
    const reservation = await this.reserve(request);
    const issuerFields = parseCertificateFields(request.issuer.certificateDer);
    const certificateDer = await buildCertificate(
      {
        serialNumber: reservation.serialNumber,
        issuerDer: issuerFields.subjectDer,
        subjectDer: request.subjectDer,
        spkiDer: request.spkiDer,
        notBefore: request.notBefore,
        notAfter: request.notAfter,
        authorityKeyIdentifier: issuerFields.subjectKeyIdentifier ?? keyIdentifierOf(issuerFields.spkiDer),
        profile: request.profile,
      },
      signer,
    );
    const fingerprintSha256 = createHash('sha256').update(certificateDer).digest();
    return Object.assign(reservation, { certificateDer, fingerprintSha256 });
  }

  /** Stores the certificate of a reservation. @throws DomainError issuance_interrupted when it was given up meanwhile */
  async confirm(tx: Tx, signed: SignedCertificate): Promise<void> {
    const { affected } = await tx
      .createQueryBuilder()
      .update(CertificateEntity)
      .set({ certificateDer: signed.certificateDer, fingerprintSha256: signed.fingerprintSha256 })
      .where('id = :id AND certificate_der IS NULL AND revoked_at IS NULL', { id: signed.id })
      .execute();
    if (affected === 0) {
      throw new DomainError(
        'issuance_interrupted',
        'Signing took too long, and the serial number was given up. Try again.',
      );
    }
    this.metrics.issued.inc({ profile: signed.profile });
  }

  private async reserve(request: IssuanceRequest): Promise<CertificateEntity> {
    await this.checkIssuer(request);
    await this.blockedKeys.refuseBlocked(request.spkiDer);
    const now = this.clock.now();
    const reservation = Object.assign(new CertificateEntity(), {
      id: uuidV7(now),
      issuerId: request.issuer.id,
      serialNumber: randomSerialNumber(),
      profile: request.profile.kind,
      subject: request.subject,
      subjectAlternativeNames: request.profile.kind === 'leaf' ? request.profile.subjectAlternativeNames : NO_NAMES,
      spkiSha256: createHash('sha256').update(request.spkiDer).digest(),
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      reservedAt: now,
      certificateDer: null,
      fingerprintSha256: null,
      revokedAt: null,
      revocationReason: null,
      invalidityDate: null,
    });
    await this.dataSource.manager.insert(CertificateEntity, reservation);
    return reservation;
  }

  /** A responder certificate is issued whatever the issuer's status: what it has issued stays checkable. */
  private async checkIssuer({ issuer, profile }: IssuanceRequest): Promise<void> {
    if (profile.kind === 'ocsp-responder') return;
    const { id, parentId } = issuer;
    const { serialNumber } = parseCertificateFields(issuer.certificateDer);
    const [row] = await this.dataSource.query<{ status: string; revoked: boolean }[]>(
      `SELECT status, EXISTS (SELECT FROM certificates
                               WHERE issuer_id = $2 AND serial_number = $3 AND revoked_at IS NOT NULL) AS revoked
         FROM issuers WHERE id = $1`,
      [id, parentId, serialNumber],
    );
    if (row?.revoked === true) {
      throw new DomainError('issuer_not_active', `The certificate of the issuer ${id} was revoked: it issues nothing.`);
    }
    if (row?.status !== 'active') {
      throw new DomainError('issuer_not_active', `The issuer ${id} is ${row?.status}: it issues nothing.`);
    }
  }
}
