import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import type { RevocationReason } from '../pki/revocation-reason.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { boundedQuery } from '../platform/database/bounded-query.js';

/** What the inventory says of a serial number. `reserved`: the CA may be signing it right now. */
export type CertificateStatus =
  | { readonly status: 'good' }
  | { readonly status: 'revoked'; readonly revokedAt: Date; readonly reason: RevocationReason }
  | { readonly status: 'reserved' };

interface StatusRow {
  issued: boolean;
  revoked_at: Date | null;
  revocation_reason: RevocationReason | null;
}

/** The status of a certificate by issuer and serial number: what OCSP tells. */
@Injectable()
export class CertificateStatusService {
  constructor(@Inject(PG_POOL) private readonly pool: Pool) {}

  /**
   * Null when the issuer never gave this serial number away.
   * @throws what the database throws; a lookup that fails says nothing about the certificate
   */
  async find(issuerId: string, serialNumber: Buffer): Promise<CertificateStatus | null> {
    const [row] = await boundedQuery<StatusRow>(this.pool, {
      name: 'certificate-status',
      text: `SELECT certificate_der IS NOT NULL AS issued, revoked_at, revocation_reason
               FROM certificates WHERE issuer_id = $1 AND serial_number = $2`,
      values: [issuerId, serialNumber],
    });
    if (row === undefined) return null;
    if (row.revoked_at !== null && row.revocation_reason !== null) {
      return { status: 'revoked', revokedAt: row.revoked_at, reason: row.revocation_reason };
    }
    return { status: row.issued ? 'good' : 'reserved' };
  }
}
