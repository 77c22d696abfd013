import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { Counter, Gauge, Registry } from 'prom-client';
import { Clock } from '../platform/clock/clock.js';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';

const UNSEALED_MAX = 100_000;

interface Sealing {
  readonly unsealed: string;
  /** Null when nothing waits. */
  readonly waits_since: Date | null;
  readonly tree_size: string;
}

interface Forwarding {
  readonly name: string;
  readonly behind: string;
  /** When the oldest that was not forwarded was sealed; null when nothing waits. */
  readonly waits_since: Date | null;
}

/** How far sealing and forwarding are behind: what alerts go by. Asked from the database, so that every instance says the same. */
@Injectable()
export class AuditTrailMetrics {
  readonly sealed: Counter;
  readonly sealFailures: Counter;
  readonly forwarded: Counter<'forwarder'>;
  readonly forwardFailures: Counter<'forwarder'>;
  private readonly forwarders: string[] = [];

  constructor(
    private readonly registry: Registry,
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly clock: Clock,
  ) {
    const registers = [registry];
    this.sealed = new Counter({
      name: 'certplane_audit_sealed_events_total',
      help: 'Audit events that were sealed into the Merkle tree.',
      registers,
    });
    this.sealFailures = new Counter({
      name: 'certplane_audit_seal_failures_total',
      help: 'Attempts to seal audit events that failed; they are sealed later.',
      registers,
    });
    this.forwarded = new Counter({
      name: 'certplane_audit_forwarded_events_total',
      help: 'Audit events that arrived, by forwarder (syslog, webhook).',
      labelNames: ['forwarder'],
      registers,
    });
    this.forwardFailures = new Counter({
      name: 'certplane_audit_forward_failures_total',
      help: 'Attempts to forward audit events that failed, by forwarder; they are sent again.',
      labelNames: ['forwarder'],
      registers,
    });
    this.addSealingGauges();
    this.addForwardingGauges();
  }

  /** Shows how far this forwarder is behind. */
  watch(forwarder: string): void {
    this.forwarders.push(forwarder);
  }

  private addSealingGauges(): void {
    const sealing = shared(() => this.findSealing());
    const gauge = (name: string, help: string, valueOf: (sealing: Sealing) => number): Gauge =>
      new Gauge({
        name,
        help,
        registers: [this.registry],
        aggregator: 'max',
        async collect() {
          const [row] = await sealing();
          if (row === undefined) this.remove();
          else this.set(valueOf(row));
        },
      });
    gauge('certplane_audit_tree_size', 'How many audit events are sealed.', ({ tree_size: size }) => Number(size));
    gauge('certplane_audit_unsealed_events', 'How many audit events wait to be sealed, up to 100000.', (row) =>
      Number(row.unsealed),
    );
    gauge('certplane_audit_sealing_lag_seconds', 'How long the oldest of them has waited.', (row) =>
      this.secondsSince(row.waits_since),
    );
  }

  private addForwardingGauges(): void {
    const forwarding = shared(() => this.findForwarding());
    const gauge = (name: string, help: string, valueOf: (forwarding: Forwarding) => number): Gauge =>
      new Gauge({
        name,
        help,
        labelNames: ['forwarder'],
        registers: [this.registry],
        aggregator: 'max',
        async collect() {
          const rows = await forwarding();
          this.reset();
          for (const row of rows) this.set({ forwarder: row.name }, valueOf(row));
        },
      });
    gauge('certplane_audit_forward_lag_events', 'How many sealed audit events were not forwarded yet.', (row) =>
      Number(row.behind),
    );
    gauge('certplane_audit_forward_lag_seconds', 'How long ago the oldest of them was sealed.', (row) =>
      this.secondsSince(row.waits_since),
    );
  }

  private secondsSince(time: Date | null): number {
    return time === null ? 0 : Math.max(0, (this.clock.now().getTime() - time.getTime()) / 1000);
  }

  private findSealing(): Promise<Sealing[]> {
    return boundedQuery<Sealing>(this.pool, {
      name: 'audit-sealing',
      text: `SELECT (SELECT count(*) FROM (SELECT FROM audit_pending LIMIT ${UNSEALED_MAX}) p) AS unsealed,
                    (SELECT e.occurred_at FROM audit_pending p JOIN audit_events e ON e.id = p.event_id
                      ORDER BY p.event_id LIMIT 1) AS waits_since,
                    (SELECT coalesce(max(tree_size), 0) FROM audit_checkpoints) AS tree_size`,
    });
  }

  private findForwarding(): Promise<Forwarding[]> {
    if (this.forwarders.length === 0) return Promise.resolve([]);
    return boundedQuery<Forwarding>(this.pool, {
      name: 'audit-forwarding',
      text: `SELECT name, greatest(0, tree_size - position) AS behind,
                    (SELECT signed_at FROM audit_checkpoints WHERE tree_size > position ORDER BY tree_size LIMIT 1) AS waits_since
               FROM (SELECT name, coalesce(position, 0) AS position,
                            (SELECT coalesce(max(tree_size), 0) FROM audit_checkpoints) AS tree_size
                       FROM unnest($1::text[]) AS names (name) LEFT JOIN audit_forwarders USING (name)) f`,
      values: [this.forwarders],
    });
  }
}

/** The gauges are collected at the same time: they share one query. A database that is down takes no other metrics with it. */
function shared<T>(find: () => Promise<T[]>): () => Promise<T[]> {
  let pending: Promise<T[]> | null = null;
  return () =>
    (pending ??= find()
      .catch(() => [])
      .finally(() => (pending = null)));
}
