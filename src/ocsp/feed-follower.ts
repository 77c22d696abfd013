import { hostname } from 'node:os';
import type { Client } from 'pg';
import type { CertificateProfileName } from '../certificates/certificate.entity.js';
import { leaseMarginMs, type FreshnessLease } from './freshness-lease.js';
import { FEED_CHANNEL } from './revocation-feed.js';

/** What the follower keeps in step with the feed. */
export interface FollowingCache {
  evictCertificate(issuerId: string, serialNumber: Buffer): void;
  /** The certificate of a responder of this issuer was revoked: what it signed may lie under any serial number. */
  evictResponder(issuerId: string): void;
  clear(): void;
}

interface FeedRow {
  last_number: string;
  pruned_number: string;
  /** Null in the one row of an empty fetch. */
  number: string | null;
  issuer_id: string;
  serial_number: Buffer;
  /** The certificate's. */
  profile: CertificateProfileName | null;
}

const FETCH_LIMIT = 5000;

/**
 * One session with the database in which a node follows the revocation feed and renews its lease: fetch, evict what was
 * revoked, and only then renew, stating what was applied.
 */
export class FeedFollower {
  private nodeId: string | null = null;
  /** The number of the last revocation that was applied. */
  private applied = 0n;
  private woken = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly cache: FollowingCache,
    private readonly lease: FreshnessLease,
    private readonly leaseMs: number,
  ) {}

  /** How this node is called in `responder_nodes`; null while it has no row. */
  get id(): string | null {
    return this.nodeId;
  }

  get appliedNumber(): bigint {
    return this.applied;
  }

  /**
   * Follows until `stopped` says so, from the start in each session: behind a new connection there may be a database that was
   * restored, whose numbers mean something else. Rejects when the connection fails; the lease then runs out by itself.
   */
  async follow(client: Client, stopped: () => boolean): Promise<void> {
    client.on('notification', () => this.poke());
    await client.query(`LISTEN ${FEED_CHANNEL}`);
    await this.leave(client);
    while (!stopped()) {
      // Before anything is asked: what has committed by now will have been applied when this lease is granted.
      const reading = this.lease.read();
      if (this.nodeId === null) await this.register(client);
      await this.catchUp(client);
      if (!(await this.renew(client))) continue;
      this.lease.grant(reading);
      await this.rest(this.leaseMs / 3);
    }
  }

  /** Gives up the row: the lease ends first, then nobody needs to wait for this node. */
  async leave(client: Client): Promise<void> {
    this.lease.end();
    if (this.nodeId === null) return;
    await client.query('DELETE FROM responder_nodes WHERE id = $1', [this.nodeId]);
    this.nodeId = null;
  }

  /** Ends the rest before its time. */
  poke(): void {
    this.woken = true;
    this.wake();
  }

  /** A new row each time: its number of renewals must never be one that it had before. */
  private async register(client: Client): Promise<void> {
    this.lease.end();
    const { rows } = await client.query<{ id: string; applied: string }>(
      `INSERT INTO responder_nodes (id, name, applied, renewal, silent, lease_ms)
       SELECT gen_random_uuid(), $1, last_number, 0, true, $2 FROM revocation_counter
       RETURNING id, applied`,
      [`${hostname()}:${process.pid}`, this.leaseMs],
    );
    this.nodeId = rows[0]!.id;
    this.applied = BigInt(rows[0]!.applied);
    // Now that the position is known, and not before: whatever was read earlier may lack what it counts.
    this.cache.clear();
  }

  /** Applies all that has committed. One statement, one snapshot: the counter and the feed fit each other. */
  private async catchUp(client: Client): Promise<void> {
    for (;;) {
      const { rows } = await client.query<FeedRow>({
        name: 'fetch-revocation-feed',
        text: `SELECT c.last_number, c.pruned_number, f.number, f.issuer_id, f.serial_number,
                      (SELECT profile FROM certificates
                        WHERE issuer_id = f.issuer_id AND serial_number = f.serial_number) AS profile
                 FROM revocation_counter c LEFT JOIN revocation_feed f ON f.number > $1
                ORDER BY f.number LIMIT $2`,
        values: [this.applied.toString(), FETCH_LIMIT],
      });
      this.apply(rows);
      if (rows.length < FETCH_LIMIT) return;
    }
  }

  private apply(rows: readonly FeedRow[]): void {
    const [first] = rows;
    if (first === undefined) throw new Error('the revocation counter is missing');
    if (BigInt(first.pruned_number) > this.applied) {
      // Some revocations are no longer told: everything goes, and with it all that they could have named.
      this.cache.clear();
      this.applied = BigInt(first.last_number);
      return;
    }
    for (const row of rows) {
      if (row.number === null) return;
      this.cache.evictCertificate(row.issuer_id, row.serial_number);
      if (row.profile === 'ocsp-responder') this.cache.evictResponder(row.issuer_id);
      this.applied = BigInt(row.number);
    }
  }

  /** False when more has to be applied first. */
  private async renew(client: Client): Promise<boolean> {
    const values = [this.nodeId, this.applied.toString()];
    const { rowCount } = await client.query({
      name: 'renew-lease',
      text: `UPDATE responder_nodes SET applied = $2, renewal = renewal + 1, renewed_at = now()
              WHERE id = $1 AND NOT silent`,
      values,
    });
    return rowCount === 1 || this.rejoin(client, values);
  }

  /**
   * A silent node is waited for by nobody, so it has to have applied everything. The counter's row is locked: a revocation
   * that commits later finds the node awake.
   */
  private async rejoin(client: Client, values: readonly (string | null)[]): Promise<boolean> {
    const { rows } = await client.query<{ granted: boolean; present: boolean }>({
      name: 'rejoin',
      text: `WITH counter AS (
               SELECT last_number FROM revocation_counter FOR UPDATE
             ), granted AS (
               UPDATE responder_nodes SET applied = $2, renewal = renewal + 1, silent = false, renewed_at = now()
                 FROM counter WHERE id = $1 AND counter.last_number = $2
               RETURNING id
             )
             SELECT EXISTS (SELECT FROM granted) AS granted,
                    EXISTS (SELECT FROM responder_nodes WHERE id = $1) AS present`,
      values: [...values],
    });
    const { granted, present } = rows[0]!;
    if (!present) this.nodeId = null;
    return granted;
  }

  private async rest(milliseconds: number): Promise<void> {
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.woken = false;
  }
}

/** How long one statement of the follower may take; past it the connection is given up. */
export function followerTimeoutMs(leaseMs: number): number {
  return Math.max(1000, leaseMs - leaseMarginMs(leaseMs));
}
