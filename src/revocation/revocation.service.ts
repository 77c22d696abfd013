import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CertificateRevocations, type RevocationMark } from '../certificates/certificate-revocations.js';
import type { CertificateEntity } from '../certificates/certificate.entity.js';
import { CertificatesService } from '../certificates/certificates.service.js';
import { CrlService } from '../crl/crl.service.js';
import { OcspCacheService } from '../ocsp/ocsp-cache.service.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { Clock, truncateToSecond } from '../platform/clock/clock.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { RevocationMetrics } from './revocation.metrics.js';
import type { RevokeCertificate } from './revocation.schemas.js';

/** The one way to revoke. */
@Injectable()
export class RevocationService {
  constructor(
    private readonly transactions: Transactions,
    private readonly certificates: CertificatesService,
    private readonly revocations: CertificateRevocations,
    private readonly ocspCache: OcspCacheService,
    private readonly crls: CrlService,
    private readonly audit: AuditService,
    private readonly metrics: RevocationMetrics,
    private readonly clock: Clock,
  ) {}

  /**
   * Revokes a certificate. When this resolves the revocation is committed, and every OCSP request that starts from now on
   * is answered `revoked`; the CRL follows within seconds. Repeating it changes nothing and gives the first result.
   * @throws DomainError certificate_not_found, hold_not_allowed, invalid_request
   */
  async revoke(id: string, input: RevokeCertificate, caller: Caller): Promise<CertificateEntity> {
    const { certificate, issuer } = await this.certificates.get(id);
    if (certificate.revokedAt !== null) return certificate;
    const now = this.clock.now();
    if (input.reason === 'certificateHold' && issuer.baselineRequirements) {
      throw new DomainError(
        'hold_not_allowed',
        `The issuer ${issuer.id} keeps to the CA/B Baseline Requirements, which forbid certificateHold (section 4.9.13).`,
      );
    }
    if (input.invalidity_date !== undefined && input.invalidity_date > now) {
      throw new DomainError('invalid_request', 'invalidity_date: must not lie in the future', [
        { field: 'invalidity_date', message: 'must not lie in the future' },
      ]);
    }
    const mark: RevocationMark = {
      revokedAt: truncateToSecond(now),
      revocationReason: input.reason,
      invalidityDate: input.invalidity_date === undefined ? null : truncateToSecond(input.invalidity_date),
    };
    const won = await this.commit(id, caller, mark);
    // After the commit nothing may fail any more: what was written is known without asking again.
    return won ? Object.assign(certificate, mark) : (await this.certificates.get(id)).certificate;
  }

  /** Revokes a serial number that a crash left reserved: whether its certificate was ever signed, nobody knows. */
  async revokeOrphan(id: string, caller: Caller): Promise<void> {
    const revokedAt = truncateToSecond(this.clock.now());
    await this.commit(id, caller, { revokedAt, revocationReason: 'cessationOfOperation', invalidityDate: null });
  }

  private async commit(id: string, caller: Caller, mark: RevocationMark): Promise<boolean> {
    const issuerId = await this.transactions.run((tx) => this.apply(tx, id, caller, mark));
    if (issuerId === null) return false;
    this.metrics.revocations.inc({ reason: mark.revocationReason });
    this.crls.rebuildSoon(issuerId);
    return true;
  }

  /** Everything that a revocation is, in one transaction. @returns the issuer's id, or null when another was first */
  private async apply(tx: Tx, id: string, caller: Caller, mark: RevocationMark): Promise<string | null> {
    const marked = await this.revocations.mark(tx, id, mark);
    if (marked === null) return null;
    await this.ocspCache.invalidateOnRevoke(tx, marked.issuerId, marked.serialNumber);
    await this.audit.record(tx, caller, {
      action: 'certificate.revoke',
      subjectType: 'certificate',
      subjectId: id,
      details: {
        issuer_id: marked.issuerId,
        serial_number: formatSerialNumber(marked.serialNumber),
        reason: mark.revocationReason,
        revoked_at: mark.revokedAt.toISOString(),
      },
    });
    // Last, for it locks one row of the issuer until the commit.
    await this.crls.markDirty(tx, marked.issuerId);
    return marked.issuerId;
  }
}
