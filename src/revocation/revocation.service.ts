import { Injectable } from '@nestjs/common';
import type { RevocationMark } from '../certificates/certificate-revocations.js';
import type { CertificateEntity } from '../certificates/certificate.entity.js';
import { CertificatesService } from '../certificates/certificates.service.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { OcspCacheService } from '../ocsp/ocsp-cache.service.js';
import type { Visibility } from '../ocsp/revocation-visibility.js';
import { Clock, truncateToSecond } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { RevocationTransaction } from './revocation-transaction.js';
import type { RevokeCertificate } from './revocation.schemas.js';

export interface RevocationResult {
  /** In the order of the ids. */
  readonly certificates: readonly CertificateEntity[];
  readonly visible: Visibility;
}

/** The one way to revoke. */
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
   * starts from now on is answered `revoked`, by every node; the CRL follows within seconds. Repeating it changes nothing,
   * waits in the same way, and gives the first result.
   * @throws DomainError certificate_not_found, hold_not_allowed, invalid_request; then nothing has changed
   */
  async revoke(ids: readonly string[], input: RevokeCertificate, caller: Caller): Promise<RevocationResult> {
    const found = await this.certificates.getAll(ids);
    const now = this.clock.now();
    for (const { issuer } of found) checkHold(issuer, input);
    const mark = toMark(input, now);
    const certificates: CertificateEntity[] = [];
    for (const { certificate } of found) {
      const committed =
        certificate.revokedAt === null ? await this.revocation.commit(certificate.id, caller, mark) : null;
      if (committed !== null) {
        this.ocspCache.prepareSoon(committed.issuerId, committed.serialNumber);
        // What was written is known without asking again: after the commit nothing may fail any more.
        certificates.push(Object.assign(certificate, mark));
      } else {
        certificates.push(certificate.revokedAt === null ? await this.reread(certificate.id) : certificate);
      }
    }
    // Of those that another call revoked too: it may still be waiting, and this one must not say so any sooner.
    return { certificates, visible: await this.ocspCache.waitUntilVisible() };
  }

  /** Revokes a serial number that a crash left reserved: whether its certificate was ever signed, nobody knows. */
  async revokeOrphan(id: string, caller: Caller): Promise<void> {
    const revokedAt = truncateToSecond(this.clock.now());
    await this.revocation.commit(id, caller, {
      revokedAt,
      revocationReason: 'cessationOfOperation',
      invalidityDate: null,
    });
  }

  private async reread(id: string): Promise<CertificateEntity> {
    return (await this.certificates.get(id)).certificate;
  }
}

function checkHold(issuer: IssuerEntity, { reason }: RevokeCertificate): void {
  if (reason !== 'certificateHold' || !issuer.baselineRequirements) return;
  throw new DomainError(
    'hold_not_allowed',
    `The issuer ${issuer.id} keeps to the CA/B Baseline Requirements, which forbid certificateHold (section 4.9.13).`,
  );
}

function toMark({ reason, invalidity_date: invalidityDate }: RevokeCertificate, now: Date): RevocationMark {
  if (invalidityDate !== undefined && invalidityDate > now) {
    const message = 'must not lie in the future';
    throw new DomainError('invalid_request', `invalidity_date: ${message}`, [{ field: 'invalidity_date', message }]);
  }
  return {
    revokedAt: truncateToSecond(now),
    revocationReason: reason,
    invalidityDate: invalidityDate === undefined ? null : truncateToSecond(invalidityDate),
  };
}
