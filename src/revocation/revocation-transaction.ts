import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import {
  CertificateRevocations,
  type MarkedCertificate,
  type RevocationMark,
} from '../certificates/certificate-revocations.js';
import { CrlService } from '../crl/crl.service.js';
import { OcspCacheService } from '../ocsp/ocsp-cache.service.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import type { Caller } from '../platform/http/caller.js';
import { RevocationMetrics } from './revocation.metrics.js';

/** *One commit:* the status, the OCSP invalidation, the CRL mark, the feed entry and the audit event, or none of them. */
@Injectable()
export class RevocationTransaction {
  constructor(
    private readonly transactions: Transactions,
    private readonly revocations: CertificateRevocations,
    private readonly ocspCache: OcspCacheService,
    private readonly crls: CrlService,
    private readonly audit: AuditService,
    private readonly metrics: RevocationMetrics,
  ) {}

  /** Null when another call was first. What follows the commit never turns it into an error. */
  async commit(id: string, caller: Caller, mark: RevocationMark): Promise<MarkedCertificate | null> {
    const committed = await this.transactions.run((tx) => this.apply(tx, id, caller, mark));
    if (committed === null) return null;
    this.metrics.revocations.inc({ reason: mark.revocationReason });
    this.crls.rebuildSoon(committed.issuerId);
    return committed;
  }

  private async apply(tx: Tx, id: string, caller: Caller, mark: RevocationMark): Promise<MarkedCertificate | null> {
    const marked = await this.revocations.mark(tx, id, mark);
    if (marked === null) return null;
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
    await this.crls.markDirty(tx, marked.issuerId);
    await this.ocspCache.invalidateOnRevoke(tx, marked.issuerId, marked.serialNumber);
    return marked;
  }
}
