import { Injectable } from '@nestjs/common';
import { CertificateStatusService, type CertificateStatus } from '../certificates/certificate-status.service.js';
import type { Filled } from './fenced-cache.js';
import { formatStatusKey, OcspNode } from './ocsp-node.service.js';

/** What a status takes in memory, key and links included. Measured with 100,000 of them. */
const STATUS_BYTES = 240;

/**
 * The statuses of certificates for answers that are signed for one client alone, from memory behind the same lease as the
 * answers that all share: a flood of nonces then asks the database for each certificate once.
 */
@Injectable()
export class FencedStatuses {
  constructor(
    private readonly node: OcspNode,
    private readonly statuses: CertificateStatusService,
  ) {}

  /** As {@link CertificateStatusService.find}. */
  find(issuerId: string, serialNumber: Buffer): CertificateStatus | Promise<CertificateStatus | null> {
    const key = formatStatusKey(issuerId, serialNumber);
    return this.node.statuses.find(key) ?? this.node.statuses.load(key, () => this.load(issuerId, serialNumber));
  }

  /** Kept is what the inventory knows for good: random serial numbers fill no memory, and a reserved one is soon issued. */
  private async load(issuerId: string, serialNumber: Buffer): Promise<Filled<CertificateStatus | null>> {
    const status = await this.statuses.find(issuerId, serialNumber);
    return { value: status, bytes: status === null || status.status === 'reserved' ? null : STATUS_BYTES };
  }
}
