import { Inject, Injectable } from '@nestjs/common';
import type { Pool, QueryResultRow } from 'pg';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { leaseMarginMs } from './freshness-lease.js';
import { OcspMetrics } from './ocsp.metrics.js';

/** That no node answers from before a revocation any more. */
export interface Visibility {
  /** The nodes that answer from memory. */
  readonly nodes: number;
  readonly waitedMs: number;
}

interface NodeRow {
  id: string;
  renewal: string;
  lease_ms: number;
  behind: boolean;
}

/** A node that has not applied the revocation yet, as it was first seen at its present renewal. */
interface Sighting {
  readonly renewal: string;
  readonly sinceMs: number;
}

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;
/** What the first look at the rows may add to the wait. */
const FIRST_LOOK_MS = 500;

/** Waits until a revocation is seen by every node that may answer from memory. */
@Injectable()
export class RevocationVisibility {
  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    @Inject(CONFIG) private readonly config: Config,
    private readonly metrics: OcspMetrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /**
   * Waits for all that has committed by now: to be called after the commit. Every lease that runs one lease and the margin later was begun after the commit, so this
   * never takes longer than that and a first look, whatever the nodes do, and also when the database does not answer. Never
   * rejects.
   */
  async waitForAll(): Promise<Visibility> {
    const started = performance.now();
    const sightings = new Map<string, Sighting>();
    let longestLeaseMs = this.config.ocsp.lease * 1000;
    let nodes = 0;
    // From the first look, so that at the end a node that has not renewed since is marked silent.
    let firstLook: number | null = null;
    let target: bigint | null = null;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      target ??= await this.findLastNumber();
      const rows = target === null ? null : await this.findNodes(target);
      if (target !== null && rows !== null) {
        const behind = rows.filter((row) => row.behind);
        nodes = rows.length - behind.length;
        longestLeaseMs = Math.max(longestLeaseMs, ...behind.map((row) => row.lease_ms));
        await this.silence(behind, target, sightings);
        if (behind.length === 0) break;
        firstLook ??= Math.min(performance.now(), started + FIRST_LOOK_MS);
      }
      const leftMs = (firstLook ?? started) + longestLeaseMs + leaseMarginMs(longestLeaseMs) - performance.now();
      if (leftMs <= 0) break;
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, leftMs)));
    }
    const waitedMs = performance.now() - started;
    this.metrics.visibilitySeconds.observe(waitedMs / 1000);
    return { nodes, waitedMs: Math.round(waitedMs) };
  }

  private async findLastNumber(): Promise<bigint | null> {
    const rows = await this.ask<{ last_number: string }>({
      name: 'last-revocation',
      text: 'SELECT last_number FROM revocation_counter',
    });
    return rows?.[0] === undefined ? null : BigInt(rows[0].last_number);
  }

  /** Nodes with a lease; null when the database can't be asked. */
  private findNodes(number: bigint): Promise<NodeRow[] | null> {
    return this.ask<NodeRow>({
      name: 'responder-nodes',
      text: 'SELECT id, renewal, lease_ms, applied < $1 AS behind FROM responder_nodes WHERE NOT silent',
      values: [number.toString()],
    });
  }

  private async ask<Row extends QueryResultRow>(query: Parameters<typeof boundedQuery>[1]): Promise<Row[] | null> {
    try {
      return await boundedQuery<Row>(this.pool, query);
    } catch (error) {
      this.logger.warn({ err: error }, 'responder nodes can’t be asked: waiting out one lease');
      return null;
    }
  }

  /** Marks those that have not renewed for a whole lease, so that the next revocation does not wait for them again. */
  private async silence(behind: readonly NodeRow[], number: bigint, sightings: Map<string, Sighting>): Promise<void> {
    const now = performance.now();
    for (const { id, renewal, lease_ms: leaseMs } of behind) {
      const sighting = sightings.get(id);
      if (sighting?.renewal !== renewal) {
        sightings.set(id, { renewal, sinceMs: now });
      } else if (now - sighting.sinceMs >= leaseMs + leaseMarginMs(leaseMs)) {
        await this.markSilent(id, renewal, number);
      }
    }
  }

  private async markSilent(id: string, renewal: string, number: bigint): Promise<void> {
    try {
      const silenced = await boundedQuery<{ id: string }>(this.pool, {
        name: 'silence-responder-node',
        text: 'UPDATE responder_nodes SET silent = true WHERE id = $1 AND renewal = $2 AND applied < $3 RETURNING id',
        values: [id, renewal, number.toString()],
      });
      this.metrics.count('node_silenced', silenced.length);
    } catch (error) {
      this.logger.warn({ err: error, node: id }, 'a silent responder node could not be marked');
    }
  }
}
