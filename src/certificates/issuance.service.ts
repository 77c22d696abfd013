import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CrlDistributionPoints } from '../issuers/crl-distribution-points.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import { BlockedKeys } from '../keys/blocked-keys.js';
import { KeyStore } from '../keys/key-store.js';
import {
  buildCertificate,
  keyIdentifierOf,
  type CertificateProfile,
  type RelyingPartyUrls,
} from '../pki/certificate.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { randomSerialNumber } from '../pki/serial-number.js';
import type { SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { Clock } from '../platform/clock/clock.js';
import { afterCommit, type Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { CertificateEntity, type CertificateProfileName } from './certificate.entity.js';
import { CertificatesMetrics } from './certificates.metrics.js';
import { crlShardOf } from './crl-shard.js';

const NO_NAMES: SubjectAlternativeNames = { dns: [], ip: [], email: [], uri: [] };

type WithoutUrls<Profile> = Profile extends unknown ? Omit<Profile, 'urls'> : never;

/** The addresses in a certificate depend on its serial number, which nobody knows before it is reserved. */
type IssuanceProfile = WithoutUrls<Extract<CertificateProfile, { kind: CertificateProfileName }>>;

export interface IssuanceRequest {
  readonly issuer: IssuerEntity;
  readonly profile: IssuanceProfile;
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
    private readonly addresses: RelyingPartyAddresses,
    private readonly distributionPoints: CrlDistributionPoints,
  ) {}

  /**
   * Reserves a serial number, then signs. The certificate counts as issued once {@link confirm} has committed; until then
   * OCSP does not know it, and a reservation that nobody confirms ends up revoked.
   * @throws DomainError issuer_not_active, issuer_without_key, compromised_key
   */
  async sign(request: IssuanceRequest): Promise<SignedCertificate> {
    // First, so that an issuer whose key is gone gives no serial numbers away.
    const signer = await this.keyStore.getSigner(requireKey(request.issuer), 'certificate');
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
        profile: withUrls(request.profile, this.addresses.of(reservation.issuerId, reservation.crlShard)),
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
    afterCommit(tx, () => this.metrics.issued.inc({ profile: signed.profile }));
  }

  private async reserve(request: IssuanceRequest): Promise<CertificateEntity> {
    await this.checkIssuer(request);
    await this.blockedKeys.refuseBlocked(request.spkiDer);
    const serialNumber = randomSerialNumber();
    const crlShard = await this.chooseCrlShard(request, serialNumber);
    const now = this.clock.now();
    const reservation = Object.assign(new CertificateEntity(), {
      id: uuidV7(now),
      issuerId: request.issuer.id,
      serialNumber,
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
      crlShard,
    });
    await this.dataSource.manager.insert(CertificateEntity, reservation);
    return reservation;
  }

  /** The shard whose address will stand in the certificate; its CRL is told before. */
  private async chooseCrlShard({ issuer, profile }: IssuanceRequest, serialNumber: Buffer): Promise<number | null> {
    if (profile.kind === 'ocsp-responder') return null;
    await this.distributionPoints.ensure(issuer.id, issuer.crlShards);
    return crlShardOf(serialNumber, issuer.crlShards);
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

function withUrls(profile: IssuanceProfile, urls: RelyingPartyUrls): CertificateProfile {
  return profile.kind === 'ocsp-responder' ? profile : { ...profile, urls };
}

function requireKey({ id, keyId }: IssuerEntity): string {
  if (keyId !== null) return keyId;
  throw new DomainError(
    'issuer_without_key',
    `The issuer ${id} was imported without its private key: it issues nothing here.`,
  );
}
