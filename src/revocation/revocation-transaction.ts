import { Injectable } from '@nestjs/common';
import { AuditService, type AuditRecord } from '../audit/audit.service.js';
import {
  CertificateRevocations,
  type LockedCertificate,
  type StatusChange,
} from '../certificates/certificate-revocations.js';
import { CrlService } from '../crl/crl.service.js';
import { OcspCacheService } from '../ocsp/ocsp-cache.service.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { Transactions, type Tx } from '../platform/database/transaction.js';
import type { Caller } from '../platform/http/caller.js';
import { RevocationMetrics } from './revocation.metrics.js';

/** What is to become of a certificate, decided while its row is held; null changes nothing. Throws what refuses it. */
export type Decision = (current: LockedCertificate) => Omit<StatusChange, 'actor'> | null;

export interface Committed {
  /** With the status as it is after the commit. */
  readonly certificate: LockedCertificate;
  /** False when there was nothing to do. */
  readonly changed: boolean;
}

/**
 * *One commit:* the status, its history, the OCSP invalidation, the CRL mark, the feed entry and the audit event, or none of
 * them.
 */
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

  /**
   * Of two callers the second decides on what the first has left. What follows the commit never turns it into an error.
   * @throws DomainError certificate_not_found, and what `decide` throws; then nothing has changed
   */
  async commit(id: string, caller: Caller, decide: Decision): Promise<Committed> {
    const { certificate, change } = await this.transactions.run(async (tx) => {
      const current = await this.revocations.lock(tx, id);
      const step = decide(current);
      if (step === null) return { certificate: current, change: null };
      await this.apply(tx, current, caller, step);
      return { certificate: { ...current, revocation: step.revocation }, change: step };
    });
    if (change !== null) {
      this.metrics.count(change);
      if (certificate.issued) this.ocspCache.prepareSoon(certificate.issuerId, certificate.serialNumber);
      this.crls.rebuildSoon(certificate.issuerId);
    }
    return { certificate, changed: change !== null };
  }

  private async apply(
    tx: Tx,
    certificate: LockedCertificate,
    caller: Caller,
    step: Omit<StatusChange, 'actor'>,
  ): Promise<void> {
    await this.revocations.change(tx, certificate, { ...step, actor: caller.actor });
    await this.audit.record(tx, caller, {
      action: step.action === 'release' ? 'certificate.release' : 'certificate.revoke',
      subjectType: 'certificate',
      subjectId: certificate.id,
      ...toAudit(certificate, step),
    });
    await this.crls.markDirty(tx, certificate);
    await this.ocspCache.invalidateOnRevoke(tx, certificate.issuerId, certificate.serialNumber);
  }
}

function toAudit(
  { issuerId, serialNumber, revocation: before }: LockedCertificate,
  { action, revocation: after }: Omit<StatusChange, 'actor'>,
): Pick<AuditRecord, 'details' | 'change'> {
  return {
    details: { issuer_id: issuerId, serial_number: formatSerialNumber(serialNumber), step: action },
    change: { before: present(before), after: present(after) },
  };
}

function present(revocation: LockedCertificate['revocation']): Readonly<Record<string, unknown>> {
  return {
    revoked_at: revocation?.revokedAt.toISOString() ?? null,
    revocation_reason: revocation?.revocationReason ?? null,
    invalidity_date: revocation?.invalidityDate?.toISOString() ?? null,
  };
}
