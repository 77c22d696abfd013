import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import { validityPeriod } from '../issuers/validity-period.js';
import { parseCertificateRequest } from '../pki/certificate-request.js';
import { formatSerialNumber, parseSerialNumber } from '../pki/serial-number.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { checkTlsLifetime } from './baseline-requirements.js';
import { CertificateEntity } from './certificate.entity.js';
import type { IssueCertificate, ListCertificates } from './certificate.schemas.js';
import { IssuanceService } from './issuance.service.js';
import { leafNames } from './leaf-names.js';

export interface CertificateWithIssuer {
  readonly certificate: CertificateEntity;
  readonly issuer: IssuerEntity;
}

@Injectable()
export class CertificatesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
    private readonly issuers: IssuersService,
    private readonly issuance: IssuanceService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly addresses: RelyingPartyAddresses,
  ) {}

  /** Issues a leaf certificate for a CSR. */
  async issue(input: IssueCertificate, caller: Caller): Promise<CertificateWithIssuer> {
    const request = await parseCertificateRequest(input.csr);
    const issuer = await this.issuers.get(input.issuer_id);
    const now = this.clock.now();
    checkTlsLifetime(issuer, input.validity, now);
    const period = validityPeriod(now, input.validity, issuer);
    const signed = await this.issuance.sign({
      issuer,
      profile: {
        kind: 'leaf',
        subjectAlternativeNames: leafNames(request, input.subject_alternative_names),
        urls: this.addresses.of(issuer.id),
      },
      subjectDer: request.subjectDer,
      subject: request.subject,
      spkiDer: request.spkiDer,
      ...period,
    });
    await this.transactions.run(async (tx) => {
      await this.issuance.confirm(tx, signed);
      await this.audit.record(tx, caller, {
        action: 'certificate.issue',
        subjectType: 'certificate',
        subjectId: signed.id,
        details: {
          issuer_id: issuer.id,
          serial_number: formatSerialNumber(signed.serialNumber),
          subject: signed.subject,
          subject_alternative_names: signed.subjectAlternativeNames,
          not_after: signed.notAfter.toISOString(),
        },
      });
    });
    return { certificate: signed, issuer };
  }

  /** @throws DomainError certificate_not_found */
  async get(id: string): Promise<CertificateWithIssuer> {
    const certificate = await this.dataSource.manager.findOne(CertificateEntity, {
      where: { id },
      relations: { issuer: true },
    });
    const issuer = certificate?.issuer;
    const known = certificate !== null && (certificate.certificateDer !== null || certificate.revokedAt !== null);
    if (!known || issuer === undefined) {
      throw new DomainError('certificate_not_found', `There is no certificate ${id}.`);
    }
    return { certificate, issuer };
  }

  /** Certificates, newest first. */
  async list(query: ListCertificates): Promise<{ rows: readonly CertificateEntity[]; nextCursor: string | null }> {
    const before = findCursorId(query.cursor);
    const rows = this.dataSource.manager
      .createQueryBuilder(CertificateEntity, 'c')
      .where('(c.certificate_der IS NOT NULL OR c.revoked_at IS NOT NULL)')
      .orderBy('c.id', 'DESC')
      .take(query.limit + 1);
    const now = this.clock.now();
    if (before !== null) rows.andWhere('c.id < :before', { before });
    if (query.issuer_id !== undefined) rows.andWhere('c.issuer_id = :issuer', { issuer: query.issuer_id });
    if (query.profile !== undefined) rows.andWhere('c.profile = :profile', { profile: query.profile });
    if (query.serial_number !== undefined) {
      rows.andWhere('c.serial_number = :serial', { serial: parseSerialNumber(query.serial_number) });
    }
    if (query.expires_before !== undefined) rows.andWhere('c.not_after < :expiry', { expiry: query.expires_before });
    if (query.status === 'revoked') rows.andWhere('c.revoked_at IS NOT NULL');
    if (query.status === 'expired') rows.andWhere('c.revoked_at IS NULL AND c.not_after < :now', { now });
    if (query.status === 'active') rows.andWhere('c.revoked_at IS NULL AND c.not_after >= :now', { now });
    return cutPage(await rows.getMany(), query.limit);
  }
}
