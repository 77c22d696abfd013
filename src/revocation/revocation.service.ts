import { Injectable } from '@nestjs/common';
import { revocationOf, type LockedCertificate } from '../certificates/certificate-revocations.js';
import type { CertificateEntity } from '../certificates/certificate.entity.js';
import { certificateStatus } from '../certificates/certificate.schemas.js';
import { CertificatesService, type CertificateWithIssuer } from '../certificates/certificates.service.js';
import { OcspCacheService } from '../ocsp/ocsp-cache.service.js';
import type { Visibility } from '../ocsp/revocation-visibility.js';
import { Clock, truncateToSecond } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { decideRevocation, isHold, type RevocationRequest } from './revocation-steps.js';
import { RevocationTransaction } from './revocation-transaction.js';
import type { RevokeCertificate } from './revocation.schemas.js';

export interface RevocationResult {
  /** In the order of the ids. */
  readonly certificates: readonly CertificateEntity[];
  readonly visible: Visibility;
}

export interface ReleaseResult {
  readonly certificate: CertificateEntity;
  readonly releasedAt: Date;
  readonly visible: Visibility;
}

/** Whether the certificate of an orphan was ever signed, nobody knows. */
const ORPHANED: RevocationRequest = { reason: 'cessationOfOperation', revokedAt: null, invalidityDate: null };

/** The one way to revoke, and to take that back. */
@Injectable()
export class RevocationService {
  constructor(
    private readonly certificates: CertificatesService,
    private readonly revocation: RevocationTransaction,
    private readonly ocspCache: OcspCacheService,
    private readonly clock: Clock,
  ) {}

  /**
   * Revokes certificates, each in a transaction of its own, and waits once for all. When this resolves every OCSP request that
   * starts from now on is answered `revoked`, by every node; the CRL follows within seconds. What a revocation makes of a
   * certificate that is revoked already, see {@link decideRevocation}; where that is nothing it waits in the same way, and
   * gives the first result.
   * @throws DomainError certificate_not_found, hold_not_allowed, invalid_request; then nothing has changed
   */
  async revoke(ids: readonly string[], input: RevokeCertificate, caller: Caller): Promise<RevocationResult> {
    const found = await this.certificates.getAll(ids, caller.scope);
    const request = toRequest(input, this.clock.now());
    for (const known of found) checkRequest(known, request);
    const certificates: CertificateEntity[] = [];
    for (const { certificate } of found) certificates.push(await this.revokeOne(certificate, request, caller));
    // Of those that another call revoked too: it may still be waiting, and this one must not say so any sooner.
    return { certificates, visible: await this.ocspCache.waitUntilVisible() };
  }

  /**
   * Takes a certificate off hold. When this resolves no OCSP request that starts from now on is answered from before; the CRL
   * follows within seconds.
   * @throws DomainError certificate_not_found, certificate_not_on_hold
   */
  async release(id: string, caller: Caller): Promise<ReleaseResult> {
    const { certificate } = await this.certificates.get(id, caller.scope);
    let releasedAt = this.now();
    await this.revocation.commit(id, caller, (current) => {
      setStatus(certificate, current);
      releasedAt = this.now();
      if (certificate.revocationReason === null || !isHold(certificate.revocationReason)) {
        throw notOnHold(certificate, releasedAt);
      }
      return { action: 'release', occurredAt: releasedAt, revocation: null };
    });
    setStatus(certificate, { revocation: null });
    return { certificate, releasedAt, visible: await this.ocspCache.waitUntilVisible() };
  }

  /**
   * Revokes a serial number that a crash left reserved.
   * @returns false when it was confirmed or revoked meanwhile
   */
  async revokeOrphan(id: string, caller: Caller): Promise<boolean> {
    const { changed } = await this.revocation.commit(id, caller, (current) => {
      const now = this.now();
      const step = current.issued ? null : decideRevocation(current.revocation, ORPHANED, now);
      return step === null ? null : { ...step, occurredAt: now };
    });
    return changed;
  }

  private async revokeOne(
    certificate: CertificateEntity,
    request: RevocationRequest,
    caller: Caller,
  ): Promise<CertificateEntity> {
    if (decideRevocation(revocationOf(certificate), request, this.now()) === null) return certificate;
    const committed = await this.revocation.commit(certificate.id, caller, ({ revocation }) => {
      // The time is read while the row is held: the steps of a certificate follow each other.
      const now = this.now();
      const step = decideRevocation(revocation, request, now);
      return step === null ? null : { ...step, occurredAt: now };
    });
    // What was written is known without asking again: after the commit nothing may fail any more.
    return setStatus(certificate, committed.certificate);
  }

  private now(): Date {
    return truncateToSecond(this.clock.now());
  }
}

function setStatus(
  certificate: CertificateEntity,
  { revocation }: Pick<LockedCertificate, 'revocation'>,
): CertificateEntity {
  return Object.assign(certificate, revocation ?? { revokedAt: null, revocationReason: null, invalidityDate: null });
}

function notOnHold(certificate: CertificateEntity, now: Date): DomainError {
  const status = certificateStatus(certificate, now);
  const what = {
    active: 'it is active',
    expired: 'it is not revoked, and has expired',
    revoked: `it was revoked for good, reason ${certificate.revocationReason}`,
  }[status];
  return new DomainError('certificate_not_on_hold', `The certificate ${certificate.id} is not on hold: ${what}.`);
}

function checkRequest({ certificate, issuer }: CertificateWithIssuer, { reason, revokedAt }: RevocationRequest): void {
  if (isHold(reason) && issuer.baselineRequirements) {
    throw new DomainError(
      'hold_not_allowed',
      `The issuer ${issuer.id} keeps to the CA/B Baseline Requirements, which forbid certificateHold (section 4.9.13).`,
    );
  }
  if (revokedAt !== null && revokedAt < certificate.notBefore) {
    const begins = certificate.notBefore.toISOString();
    throw refusedDate(
      'revoked_at',
      `must not lie before ${begins}, when the certificate ${certificate.id} begins to be valid`,
    );
  }
}

function toRequest(input: RevokeCertificate, now: Date): RevocationRequest {
  return {
    reason: input.reason,
    revokedAt: toPastDate('revoked_at', input.revoked_at, now),
    invalidityDate: toPastDate('invalidity_date', input.invalidity_date, now),
  };
}

function toPastDate(field: string, date: Date | undefined, now: Date): Date | null {
  if (date === undefined) return null;
  if (date > now) throw refusedDate(field, 'must not lie in the future');
  return truncateToSecond(date);
}

function refusedDate(field: string, message: string): DomainError {
  return new DomainError('invalid_request', `${field}: ${message}`, [{ field, message }]);
}
