import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import type { Scope } from '../platform/http/scope.js';
import type { OCSP_CACHE } from './ocsp-admin.schemas.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspNode } from './ocsp-node.service.js';

type Report = z.input<typeof OCSP_CACHE>;

interface IssuerRow {
  issuer_id: string;
  good: string;
  revoked: string;
  unsigned: string;
  fresh: string;
  due: string;
  oldest: Date | null;
}

interface NodeRow {
  id: string;
  name: string;
  silent: boolean;
  behind: string;
  lease_ms: number;
  renewed_at: Date;
  started_at: Date;
}

/** How the OCSP caches stand: the database's, this process's memory, and the nodes. */
@Injectable()
export class OcspCacheReport {
  constructor(
    private readonly dataSource: DataSource,
    private readonly node: OcspNode,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @param scope whose issuers are told of; nodes and memory are everybody's */
  async get(scope: Scope): Promise<Report> {
    const state = this.node.state;
    const [issuers, nodes] = await Promise.all([this.countResponses(scope), this.listNodes(state.id)]);
    return {
      issuers,
      memory: {
        entries: state.entries,
        bytes: state.bytes,
        max_bytes: this.config.ocsp.memoryMax,
        hits: this.metrics.cacheLookups.tally({ layer: 'memory', result: 'hit' }).count,
        misses: this.metrics.cacheLookups.tally({ layer: 'memory', result: 'miss' }).count,
      },
      nodes,
      lease_running: state.leaseRunning,
    };
  }

  private async countResponses({ issuerIds }: Scope): Promise<Report['issuers']> {
    const rows = await this.dataSource.query<IssuerRow[]>(
      `SELECT issuer_id,
              count(*) FILTER (WHERE certificate_status = 'good') AS good,
              count(*) FILTER (WHERE certificate_status = 'revoked') AS revoked,
              count(*) FILTER (WHERE response_der IS NULL) AS unsigned,
              count(*) FILTER (WHERE refresh_at > $1) AS fresh,
              count(*) FILTER (WHERE refresh_at <= $1) AS due,
              min(produced_at) AS oldest
         FROM ocsp_responses WHERE $2::text[] IS NULL OR issuer_id = ANY($2) GROUP BY issuer_id ORDER BY issuer_id`,
      [this.clock.now(), issuerIds],
    );
    return rows.map((row) => ({
      issuer_id: row.issuer_id,
      good: Number(row.good),
      revoked: Number(row.revoked),
      unsigned: Number(row.unsigned),
      fresh: Number(row.fresh),
      due: Number(row.due),
      oldest_produced_at: row.oldest?.toISOString() ?? null,
    }));
  }

  private async listNodes(ownId: string | null): Promise<Report['nodes']> {
    const rows = await this.dataSource.query<NodeRow[]>(
      `SELECT n.id, n.name, n.silent, c.last_number - n.applied AS behind, n.lease_ms, n.renewed_at, n.started_at
         FROM responder_nodes n, revocation_counter c ORDER BY n.name, n.started_at`,
    );
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      this_process: row.id === ownId,
      silent: row.silent,
      behind: Number(row.behind),
      lease_seconds: row.lease_ms / 1000,
      renewed_at: row.renewed_at.toISOString(),
      started_at: row.started_at.toISOString(),
    }));
  }
}
