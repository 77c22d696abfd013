import { Injectable } from '@nestjs/common';
import { DataSource, In } from 'typeorm';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { validityPeriod } from '../issuers/validity-period.js';
import { parseCertificateRequest } from '../pki/certificate-request.js';
import { parseSerialNumber } from '../pki/serial-number.js';
import { Clock } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { hasCertificate, requireProfile, type Scope } from '../platform/http/scope.js';
import { checkTlsLifetime } from './baseline-requirements.js';
import { CertificateEntity } from './certificate.entity.js';
import { presentCertificate, type IssueCertificate, type ListCertificates } from './certificate.schemas.js';
import { LeafIssuance } from './leaf-issuance.js';
import { leafNames } from './leaf-names.js';
import { RevocationHistoryEntity } from './revocation-history.entity.js';

export interface CertificateWithIssuer {
  readonly certificate: CertificateEntity;
  readonly issuer: IssuerEntity;
}

export interface CertificateWithHistory extends CertificateWithIssuer {
  /** What happened to its status, oldest first. */
  readonly history: readonly RevocationHistoryEntity[];
}

@Injectable()
export class CertificatesService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly issuers: IssuersService,
    private readonly leaves: LeafIssuance,
    private readonly clock: Clock,
  ) {}

  /** Issues a leaf certificate for a CSR. */
  async issue(input: IssueCertificate, caller: Caller): Promise<CertificateWithIssuer> {
    requireProfile(caller.scope, 'leaf');
    const request = await parseCertificateRequest(input.csr);
    const issuer = await this.issuers.get(input.issuer_id, caller.scope);
    const now = this.clock.now();
    checkTlsLifetime(issuer, input.validity, now);
    const certificate = await this.leaves.issue(
      {
        issuer,
        subjectAlternativeNames: leafNames(request, input.subject_alternative_names),
        subjectDer: request.subjectDer,
        subject: request.subject,
        spkiDer: request.spkiDer,
        ...validityPeriod(now, input.validity, issuer),
      },
      caller,
      (signed) => presentCertificate({ certificate: signed, issuer, history: [] }, now),
    );
    return { certificate, issuer };
  }

  /** @throws DomainError certificate_not_found, also for one that is not in the scope */
  async get(id: string, scope: Scope): Promise<CertificateWithIssuer> {
    const [found] = await this.getAll([id], scope);
    return found!;
  }

  /** With its history, as both were at one moment. @throws DomainError certificate_not_found, also for one that is not in the scope */
  async getWithHistory(id: string, scope: Scope): Promise<CertificateWithHistory> {
    const row = await this.dataSource.manager
      .createQueryBuilder(CertificateEntity, 'c')
      .innerJoinAndSelect('c.issuer', 'issuer')
      .leftJoinAndMapMany('c.history', RevocationHistoryEntity, 'h', 'h.certificateId = c.id')
      .where('c.id = :id', { id })
      .orderBy('h.id')
      .getOne();
    const { history } = (row ?? { history: [] }) as Pick<CertificateWithHistory, 'history'>;
    return { ...toKnown(id, row ?? undefined, scope), history };
  }

  /** In the order of the ids. @throws DomainError certificate_not_found when one is missing, or not in the scope */
  async getAll(ids: readonly string[], scope: Scope): Promise<CertificateWithIssuer[]> {
    const rows = await this.dataSource.manager.find(CertificateEntity, {
      where: { id: In([...ids]) },
      relations: { issuer: true },
    });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => toKnown(id, byId.get(id), scope));
  }

  /** What the issuer gave this serial number away for, a reservation too; null when it never did. */
  async findBySerialNumber(issuerId: string, serialNumber: Buffer): Promise<CertificateEntity | null> {
    return this.dataSource.manager.findOneBy(CertificateEntity, { issuerId, serialNumber });
  }

  /** Certificates, newest first. */
  async list(
    query: ListCertificates,
    { issuerIds, profiles }: Scope,
  ): Promise<{ rows: readonly CertificateEntity[]; nextCursor: string | null }> {
    const before = findCursorId(query);
    const rows = this.dataSource.manager
      .createQueryBuilder(CertificateEntity, 'c')
      .where('(c.certificate_der IS NOT NULL OR c.revoked_at IS NOT NULL)')
      .orderBy('c.id', 'DESC')
      .take(query.limit + 1);
    const now = this.clock.now();
    if (before !== null) rows.andWhere('c.id < :before', { before });
    if (issuerIds !== null) rows.andWhere('c.issuer_id = ANY(:issuerIds)', { issuerIds });
    if (profiles !== null) rows.andWhere('c.profile = ANY(:profiles)', { profiles });
    if (query.issuer_id !== undefined) rows.andWhere('c.issuer_id = :issuer', { issuer: query.issuer_id });
    if (query.profile !== undefined) rows.andWhere('c.profile = :profile', { profile: query.profile });
    if (query.serial_number !== undefined) {
      rows.andWhere('c.serial_number = :serial', { serial: parseSerialNumber(query.serial_number) });
    }
    if (query.expires_before !== undefined) rows.andWhere('c.not_after < :expiry', { expiry: query.expires_before });
    if (query.status === 'revoked') rows.andWhere('c.revoked_at IS NOT NULL');
    if (query.status === 'expired') rows.andWhere('c.revoked_at IS NULL AND c.not_after < :now', { now });
    if (query.status === 'active') rows.andWhere('c.revoked_at IS NULL AND c.not_after >= :now', { now });
    return cutPage(await rows.getMany(), query);
  }
}

/** A reservation that nobody gave up is no certificate yet. */
function toKnown(id: string, certificate: CertificateEntity | undefined, scope: Scope): CertificateWithIssuer {
  const known = certificate !== undefined && (certificate.certificateDer !== null || certificate.revokedAt !== null);
  if (!known || certificate.issuer === undefined || !hasCertificate(scope, certificate)) {
    throw new DomainError('certificate_not_found', `There is no certificate ${id}.`);
  }
  return { certificate, issuer: certificate.issuer };
}
