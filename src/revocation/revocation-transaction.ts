import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
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
      details: auditDetails(certificate, step),
    });
    await this.crls.markDirty(tx, certificate);
    await this.ocspCache.invalidateOnRevoke(tx, certificate.issuerId, certificate.serialNumber);
  }
}

function auditDetails(
  { issuerId, serialNumber, revocation: before }: LockedCertificate,
  { action, revocation: after }: Omit<StatusChange, 'actor'>,
): Record<string, unknown> {
  const certificate = { issuer_id: issuerId, serial_number: formatSerialNumber(serialNumber) };
  if (after === null) return { ...certificate, held_since: before?.revokedAt.toISOString() };
  return {
    ...certificate,
    step: action,
    reason: after.revocationReason,
    revoked_at: after.revokedAt.toISOString(),
    invalidity_date: after.invalidityDate?.toISOString() ?? null,
  };
}
