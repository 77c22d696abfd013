import { Inject, Injectable } from '@nestjs/common';
import type { Pool, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import type { CertIdAlgorithm } from '../pki/cert-id.js';
import type { RevocationReason } from '../pki/revocation-reason.js';
import { PG_POOL } from '../platform/database/database.module.js';

/** A response that is to be signed in advance, and what its certificate's status was when it was looked up. */
export interface PresignRow {
  readonly issuer_id: string;
  /** Hexadecimal. */
  readonly serial_number: string;
  readonly algorithm: CertIdAlgorithm;
  readonly certificate_id: string;
  readonly revoked_at: Date | null;
  /** The same as the database writes it: it knows microseconds. */
  readonly revoked_at_text: string | null;
  readonly revocation_reason: RevocationReason | null;
  readonly expired: boolean;
  /** As the database writes it. */
  readonly refresh_at: string;
  /** Where the row lies: the fast way back to it. */
  readonly row_place: string;
}

/** Where a walk through all responses of an issuer has come to. */
export interface WalkPosition {
  readonly serialNumber: string;
  readonly algorithm: string;
}

/** What is due, from when the pre-signer last looked. */
export interface PresignBacklog {
  /** Exact up to {@link COUNT_EXACTLY}, estimated above. */
  readonly due: number;
  readonly lagSeconds: number;
}

export const WALK_START: WalkPosition = { serialNumber: '', algorithm: '' };

const COUNT_EXACTLY = 50_000;
const FIRST_RETRY_SECONDS = 60;
const LAST_RETRY_SECONDS = 6 * 3600;
/** Nobody waits for these statements, but one that hangs must not hold the schedule for ever. */
const QUERY_TIMEOUT_MS = 120_000;

const COLUMNS = `r.issuer_id, encode(r.serial_number, 'hex') AS serial_number, r.cert_id_algorithm AS algorithm,
                 c.id AS certificate_id, c.revoked_at, c.revoked_at::text AS revoked_at_text, c.revocation_reason,
                 c.not_after <= $1 AS expired, r.refresh_at::text AS refresh_at,
                 r.ctid AS row_place
            FROM ocsp_responses r JOIN certificates c USING (issuer_id, serial_number)`;

/**
 * The rows of `ocsp_responses` as the pre-signer's queue. It never waits for a row that somebody else has locked: a
 * revocation must not be the one that loses a deadlock.
 */
@Injectable()
export class PresignQueue {
  constructor(@Inject(PG_POOL) private readonly pool: Pool) {}

  /**
   * @param since the `refresh_at` up to which everything was taken already in this run
   * @param except rows of that time that came already
   */
  async findDue(now: Date, since: string, except: readonly PresignRow[], limit: number): Promise<PresignRow[]> {
    const { rows } = await this.query<PresignRow>({
      name: 'presign-due',
      text: `SELECT ${COLUMNS}
              WHERE r.refresh_at <= $1 AND r.refresh_at >= $2::timestamptz
                AND r.ctid NOT IN (SELECT unnest($3::tid[]))
              ORDER BY r.refresh_at LIMIT $4`,
      values: [now, since, except.map((row) => row.row_place), limit],
    });
    return rows;
  }

  /** The responses of an issuer that were made before this time, in the order of their keys. */
  async findMadeBefore(
    issuerId: string,
    { before, now }: { before: Date; now: Date },
    { serialNumber, algorithm }: WalkPosition,
    limit: number,
  ): Promise<PresignRow[]> {
    const { rows } = await this.query<PresignRow>({
      name: 'presign-made-before',
      text: `SELECT ${COLUMNS}
              WHERE r.issuer_id = $2 AND (r.serial_number, r.cert_id_algorithm) > (decode($3, 'hex'), $4)
                AND r.produced_at <= $5 AND c.not_after > $1
              ORDER BY r.serial_number, r.cert_id_algorithm LIMIT $6`,
      values: [now, issuerId, serialNumber, algorithm, before, limit],
    });
    return rows;
  }

  async remove(rows: readonly PresignRow[]): Promise<number> {
    const { rowCount } = await this.query({
      name: 'presign-remove',
      text: `DELETE FROM ocsp_responses WHERE ctid = ANY(ARRAY(
               SELECT r.ctid FROM ocsp_responses r JOIN (${GIVEN}) g
                   ON r.issuer_id = g.issuer_id AND r.serial_number = decode(g.serial_number, 'hex')
                      AND r.cert_id_algorithm = g.algorithm
                  FOR UPDATE OF r SKIP LOCKED))`,
      values: givenValues(rows),
    });
    return rowCount ?? 0;
  }

  /** Removes due rows of expired certificates, so many at the most. @returns how many */
  async removeExpired(now: Date, limit: number): Promise<number> {
    const { rowCount } = await this.query({
      name: 'presign-remove-expired',
      text: `DELETE FROM ocsp_responses WHERE ctid = ANY(ARRAY(
               SELECT r.ctid FROM ocsp_responses r JOIN certificates c USING (issuer_id, serial_number)
                WHERE r.refresh_at <= $1 AND c.not_after <= $1 LIMIT $2
                  FOR UPDATE OF r SKIP LOCKED))`,
      values: [now, limit],
    });
    return rowCount ?? 0;
  }

  /**
   * Lets rows that can't be signed wait, twice as long each time. The last response stays as long as it holds, and not a
   * moment longer. A row that somebody else has changed meanwhile is left alone.
   */
  async pushBack(rows: readonly PresignRow[], now: Date): Promise<number> {
    const { rowCount } = await this.query({
      name: 'presign-push-back',
      text: `WITH retry AS (
               SELECT r.issuer_id, r.serial_number, r.cert_id_algorithm, coalesce(r.next_update > $5, false) AS holds,
                      $5 + make_interval(secs => least(${LAST_RETRY_SECONDS}, ${FIRST_RETRY_SECONDS} * 2 ^ r.failures)) AS at
                 FROM ocsp_responses r JOIN (${GIVEN}) g
                   ON r.issuer_id = g.issuer_id AND r.serial_number = decode(g.serial_number, 'hex')
                      AND r.cert_id_algorithm = g.algorithm AND r.refresh_at = g.refresh_at::timestamptz
                  FOR UPDATE OF r SKIP LOCKED
             )
             UPDATE ocsp_responses r
                SET failures = least(r.failures + 1, 100),
                    refresh_at = CASE WHEN t.holds THEN least(t.at, r.next_update) ELSE t.at END,
                    response_der = CASE WHEN t.holds THEN r.response_der END,
                    certificate_status = CASE WHEN t.holds THEN r.certificate_status END,
                    produced_at = CASE WHEN t.holds THEN r.produced_at END,
                    this_update = CASE WHEN t.holds THEN r.this_update END,
                    next_update = CASE WHEN t.holds THEN r.next_update END
               FROM retry t
              WHERE r.issuer_id = t.issuer_id AND r.serial_number = t.serial_number
                AND r.cert_id_algorithm = t.cert_id_algorithm`,
      values: [...givenValues(rows), now],
    });
    return rowCount ?? 0;
  }

  /** How much is due. What was never signed has been due since its certificate was issued, or its status last changed. */
  async measure(now: Date): Promise<PresignBacklog> {
    const { rows } = await this.query<{ due: string; since: Date | null; unsigned_since: Date | null }>({
      name: 'presign-backlog',
      text: `SELECT (SELECT count(*) FROM (SELECT FROM ocsp_responses WHERE refresh_at <= $1 LIMIT $2) d) AS due,
                    (SELECT refresh_at FROM ocsp_responses
                      WHERE refresh_at > '-infinity' AND refresh_at <= $1 ORDER BY refresh_at LIMIT 1) AS since,
                    (SELECT min(greatest(c.reserved_at, (SELECT max(h.occurred_at) FROM revocation_history h
                                                          WHERE h.certificate_id = c.id)))
                       FROM (SELECT issuer_id, serial_number FROM ocsp_responses
                              WHERE refresh_at = '-infinity' LIMIT 1000) r
                       JOIN certificates c USING (issuer_id, serial_number)) AS unsigned_since`,
      values: [now, COUNT_EXACTLY],
    });
    const { due, since, unsigned_since: unsignedSince } = rows[0]!;
    const oldest = [since, unsignedSince].flatMap((time) => (time === null ? [] : [time.getTime()]));
    const lagSeconds = Math.max(0, ...oldest.map((time) => (now.getTime() - time) / 1000));
    return { due: Number(due) < COUNT_EXACTLY ? Number(due) : await this.estimateDue(now), lagSeconds };
  }

  private async estimateDue(now: Date): Promise<number> {
    const { rows } = await this.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>({
      text: `EXPLAIN (FORMAT JSON) SELECT FROM ocsp_responses WHERE refresh_at <= '${now.toISOString()}'`,
    });
    return Math.max(COUNT_EXACTLY, rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0);
  }

  private query<Row extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<Row>> {
    const bounded: QueryConfig & { query_timeout: number } = { ...query, query_timeout: QUERY_TIMEOUT_MS };
    return this.pool.query<Row>(bounded);
  }
}

const GIVEN = `SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
                 AS g (issuer_id, serial_number, algorithm, refresh_at)`;

function givenValues(rows: readonly PresignRow[]): string[][] {
  return [
    rows.map((row) => row.issuer_id),
    rows.map((row) => row.serial_number),
    rows.map((row) => row.algorithm),
    rows.map((row) => row.refresh_at),
  ];
}
