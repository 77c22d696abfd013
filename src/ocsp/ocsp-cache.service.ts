import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import type { CertificateStatus } from '../certificates/certificate-status.service.js';
import type { CertIdAlgorithm } from '../pki/cert-id.js';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { Tx } from '../platform/database/transaction.js';
import { OcspMetrics } from './ocsp.metrics.js';
import type { ResponseTimes } from './ocsp-validity.js';

/** What a stored response is found by. */
export interface OcspCacheKey {
  readonly issuerId: string;
  readonly serialNumber: Buffer;
  readonly algorithm: CertIdAlgorithm;
}

export interface StoredResponse extends ResponseTimes {
  readonly der: Buffer;
  readonly certificateStatus: 'good' | 'revoked';
}

/** The status that a stored response tells; never `unknown`. */
export type StorableStatus = Exclude<CertificateStatus, { status: 'reserved' }>;

interface ResponseRow {
  response_der: Buffer;
  certificate_status: 'good' | 'revoked';
  produced_at: Date;
  this_update: Date;
  next_update: Date;
  refresh_at: Date;
}

/** The signed responses in `ocsp_responses`. */
@Injectable()
export class OcspCacheService {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly metrics: OcspMetrics,
  ) {}

  /** The stored response, or null when there is none or a new one is due. */
  async find(key: OcspCacheKey, now: Date): Promise<StoredResponse | null> {
    const [row] = await boundedQuery<ResponseRow>(this.pool, {
      name: 'ocsp-response',
      text: `SELECT response_der, certificate_status, produced_at, this_update, next_update, refresh_at
               FROM ocsp_responses WHERE issuer_id = $1 AND serial_number = $2 AND cert_id_algorithm = $3`,
      values: [key.issuerId, key.serialNumber, key.algorithm],
    });
    const result = row === undefined ? 'miss' : row.refresh_at <= now ? 'stale' : 'hit';
    this.metrics.cacheLookups.inc({ layer: 'database', result });
    if (row === undefined || result === 'stale') return null;
    return {
      der: row.response_der,
      certificateStatus: row.certificate_status,
      producedAt: row.produced_at,
      thisUpdate: row.this_update,
      nextUpdate: row.next_update,
      refreshAt: row.refresh_at,
    };
  }

  /**
   * Stores a response if the certificate's status is still the one that was signed, in one statement that holds the
   * certificate's row: *a response signed before a revocation is never stored after it.*
   * @returns false when the status has changed since; the response must not be sent either
   */
  async store(key: OcspCacheKey, status: StorableStatus, response: StoredResponse): Promise<boolean> {
    const revoked = status.status === 'revoked' ? status : null;
    const stored = await boundedQuery<{ stored: boolean }>(this.pool, {
      name: 'store-ocsp-response',
      text: `WITH current AS (
               SELECT issuer_id, serial_number FROM certificates
                WHERE issuer_id = $1 AND serial_number = $2 AND (certificate_der IS NOT NULL OR revoked_at IS NOT NULL)
                      AND revoked_at IS NOT DISTINCT FROM $4 AND revocation_reason IS NOT DISTINCT FROM $5
                  FOR SHARE
             ), written AS (
               INSERT INTO ocsp_responses (issuer_id, serial_number, cert_id_algorithm, certificate_status,
                                           response_der, produced_at, this_update, next_update, refresh_at)
               SELECT issuer_id, serial_number, $3, $6, $7, $8, $9, $10, $11 FROM current
               ON CONFLICT (issuer_id, serial_number, cert_id_algorithm) DO UPDATE
                  SET certificate_status = excluded.certificate_status, response_der = excluded.response_der,
                      produced_at = excluded.produced_at, this_update = excluded.this_update,
                      next_update = excluded.next_update, refresh_at = excluded.refresh_at
                WHERE ocsp_responses.produced_at <= excluded.produced_at
             )
             SELECT true AS stored FROM current`,
      values: [
        key.issuerId,
        key.serialNumber,
        key.algorithm,
        revoked?.revokedAt ?? null,
        revoked?.reason ?? null,
        status.status,
        response.der,
        response.producedAt,
        response.thisUpdate,
        response.nextUpdate,
        response.refreshAt,
      ],
    });
    this.metrics.events.inc({ event: stored.length > 0 ? 'response_stored' : 'response_discarded' });
    return stored.length > 0;
  }

  /** Removes every stored response of a certificate in the transaction that revokes it. */
  async invalidateOnRevoke(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    await tx.query('DELETE FROM ocsp_responses WHERE issuer_id = $1 AND serial_number = $2', [issuerId, serialNumber]);
    this.metrics.events.inc({ event: 'responses_invalidated' });
  }
}
