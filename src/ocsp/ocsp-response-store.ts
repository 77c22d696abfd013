import { Inject, Injectable } from '@nestjs/common';
import type { Pool, QueryConfig } from 'pg';
import type { CertificateStatus } from '../certificates/certificate-status.service.js';
import type { CertIdAlgorithm } from '../pki/cert-id.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { Tx } from '../platform/database/transaction.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { RESPONDER_REVOKED } from './ocsp-responder.js';
import type { ResponseTimes } from './ocsp-validity.js';
import type { PresignRow } from './presign-queue.js';

/** What a stored response is found by. */
export interface OcspResponseKey {
  readonly issuerId: string;
  readonly serialNumber: Buffer;
  readonly algorithm: CertIdAlgorithm;
}

/** The key as text, for memory. Serial numbers and issuer ids can't run into one another: the ids hold no colon. */
export function formatResponseKey({ issuerId, serialNumber, algorithm }: OcspResponseKey): string {
  return `${issuerId}:${algorithm}:${serialNumber.toString('latin1')}`;
}

export interface StoredResponse extends ResponseTimes {
  readonly der: Buffer;
  readonly certificateStatus: 'good' | 'revoked';
}

/** One of many responses that are stored together. */
export interface PresignedResponse {
  readonly row: PresignRow;
  readonly times: ResponseTimes;
  readonly byteLength: number;
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
  signer_revoked: boolean;
}

/** A response that was never signed, or no longer tells the truth, is due before all others. */
export const DUE_AT_ONCE = '-infinity';

/** The signed responses in `ocsp_responses`. */
@Injectable()
export class OcspResponseStore {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: OcspMetrics,
  ) {}

  /** The stored response, or null when there is none, a new one is due, or the responder that signed it was revoked. */
  async find(key: OcspResponseKey, now: Date): Promise<StoredResponse | null> {
    const [row] = await boundedQuery<ResponseRow>(this.pool, {
      name: 'ocsp-response',
      text: `SELECT response_der, certificate_status, produced_at, this_update, next_update, refresh_at,
                    EXISTS (SELECT FROM ocsp_responders r
                             WHERE r.issuer_id = s.issuer_id AND ${RESPONDER_REVOKED}
                               AND position(r.certificate_der IN s.response_der) > 0) AS signer_revoked
               FROM ocsp_responses s
              WHERE issuer_id = $1 AND serial_number = $2 AND cert_id_algorithm = $3 AND response_der IS NOT NULL`,
      values: [key.issuerId, key.serialNumber, key.algorithm],
    });
    const result = row === undefined ? 'miss' : row.refresh_at <= now || row.signer_revoked ? 'stale' : 'hit';
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
  async store(key: OcspResponseKey, status: StorableStatus, response: StoredResponse): Promise<boolean> {
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
                      next_update = excluded.next_update, refresh_at = excluded.refresh_at, failures = 0
                WHERE ocsp_responses.produced_at IS NULL OR ocsp_responses.produced_at <= excluded.produced_at
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
    this.metrics.count(stored.length > 0 ? 'response_stored' : 'response_discarded');
    return stored.length > 0;
  }

  /**
   * Stores many responses, in one statement, under the rule of {@link store}. A certificate that somebody is changing right now
   * is passed over: nobody waits for anybody who waits for this.
   * @param bytes the responses, one behind the other
   * @returns the places of those that were not stored: few, or none
   */
  async storeMany(responses: readonly PresignedResponse[], bytes: Buffer): Promise<Set<number>> {
    const query: QueryConfig & { query_timeout: number } = {
      name: 'store-ocsp-responses',
      text: STORE_MANY,
      values: [...storeManyArrays(responses), bytes],
      query_timeout: STORE_MANY_TIMEOUT_MS,
    };
    const { rows } = await this.pool.query<{ place: number }>(query);
    this.metrics.count('response_stored', responses.length - rows.length);
    this.metrics.count('response_discarded', rows.length);
    return new Set(rows.map(({ place }) => place));
  }

  /**
   * Takes away every stored response of a certificate in the transaction that revokes it. Where responses are signed in
   * advance the rows stay without their bytes, due at once.
   */
  async remove(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    await tx.query(
      this.config.ocsp.presign === 'lazy'
        ? 'DELETE FROM ocsp_responses WHERE issuer_id = $1 AND serial_number = $2'
        : `UPDATE ocsp_responses
              SET response_der = NULL, certificate_status = NULL, produced_at = NULL, this_update = NULL,
                  next_update = NULL, refresh_at = '${DUE_AT_ONCE}', failures = 0
            WHERE issuer_id = $1 AND serial_number = $2`,
      [issuerId, serialNumber],
    );
    this.metrics.count('responses_invalidated');
  }

  /** Makes room, in the transaction that issues a certificate, for the responses that are to be signed in advance. */
  async enroll(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    await tx.query(
      `INSERT INTO ocsp_responses (issuer_id, serial_number, cert_id_algorithm, refresh_at)
       SELECT $1, $2, algorithm, '${DUE_AT_ONCE}' FROM unnest($3::text[]) AS algorithm
       ON CONFLICT DO NOTHING`,
      [issuerId, serialNumber, this.config.ocsp.presignHashes],
    );
  }

  /** Makes every response of an issuer due. @returns how many */
  async markDue(tx: Tx, issuerId: string, now: Date): Promise<number> {
    const [, count] = await tx.query<[unknown[], number]>(
      'UPDATE ocsp_responses SET refresh_at = least(refresh_at, $2) WHERE issuer_id = $1',
      [issuerId, now],
    );
    return count;
  }
}

/** Nobody waits for it, but a connection that died must not be waited for. */
const STORE_MANY_TIMEOUT_MS = 120_000;

const STORE_MANY = `
  WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::tid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::float8[], $7::float8[],
                         $8::float8[], $9::float8[], $10::integer[], $11::integer[]) WITH ORDINALITY
        AS g (row_place, certificate_id, algorithm, revoked_at, reason, produced_at, this_update, next_update, refresh_at,
              start, length, place)
  ), current AS MATERIALIZED (
    SELECT id, issuer_id, serial_number, revoked_at, revocation_reason FROM certificates
     WHERE id = ANY($2::uuid[]) AND (certificate_der IS NOT NULL OR revoked_at IS NOT NULL)
     ORDER BY id FOR SHARE SKIP LOCKED
  ), stored AS (
    UPDATE ocsp_responses r
       SET certificate_status = CASE WHEN g.revoked_at IS NULL THEN 'good' ELSE 'revoked' END,
           response_der = substring($12::bytea FROM g.start FOR g.length),
           produced_at = to_timestamp(g.produced_at), this_update = to_timestamp(g.this_update),
           next_update = to_timestamp(g.next_update), refresh_at = to_timestamp(g.refresh_at), failures = 0
      FROM given g JOIN current c ON c.id = g.certificate_id
     WHERE r.ctid = g.row_place AND r.issuer_id = c.issuer_id AND r.serial_number = c.serial_number
       AND r.cert_id_algorithm = g.algorithm
       AND c.revoked_at IS NOT DISTINCT FROM g.revoked_at AND c.revocation_reason IS NOT DISTINCT FROM g.reason
       AND (r.produced_at IS NULL OR r.produced_at <= to_timestamp(g.produced_at))
    RETURNING g.place
  )
  SELECT place::integer - 1 AS place FROM given WHERE place NOT IN (SELECT place FROM stored)`;

/** As array literals: none of the values holds a character that would have to be escaped. */
function storeManyArrays(responses: readonly PresignedResponse[]): string[] {
  const array = (value: (response: PresignedResponse, place: number) => string | number | null): string =>
    `{${responses.map((response, place) => value(response, place) ?? 'NULL').join(',')}}`;
  const seconds = (instant: Date): number => instant.getTime() / 1000;
  let start = 1;
  const starts = responses.map(({ byteLength }) => (start += byteLength) - byteLength);
  return [
    array(({ row }) => `"${row.row_place}"`),
    array(({ row }) => row.certificate_id),
    array(({ row }) => row.algorithm),
    array(({ row }) => (row.revoked_at_text === null ? null : `"${row.revoked_at_text}"`)),
    array(({ row }) => row.revocation_reason),
    array(({ times }) => seconds(times.producedAt)),
    array(({ times }) => seconds(times.thisUpdate)),
    array(({ times }) => seconds(times.nextUpdate)),
    // One microsecond apart: the queue is then read from where it was left.
    array(({ times }, place) => seconds(times.refreshAt) - (responses.length - place) / 1e6),
    `{${starts.join(',')}}`,
    array(({ byteLength }) => byteLength),
  ];
}
