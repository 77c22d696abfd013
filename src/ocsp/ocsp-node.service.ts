import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { CertificateStatus } from '../certificates/certificate-status.service.js';
import { CERT_ID_ALGORITHMS } from '../pki/cert-id.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { FeedFollower, followerTimeoutMs } from './feed-follower.js';
import { FencedCache } from './fenced-cache.js';
import { FreshnessLease } from './freshness-lease.js';
import type { OcspAnswer } from './ocsp-answer.js';
import { formatResponseKey } from './ocsp-response-store.js';

const RECONNECT_MS = 250;
/** Of the memory: statuses are small, and answers with a nonce are few. */
const STATUS_SHARE = 1 / 16;

/** The key of a certificate's status in memory. */
export function formatStatusKey(issuerId: string, serialNumber: Buffer): string {
  return `${issuerId}:${serialNumber.toString('latin1')}`;
}

/** How this process stands among the responder nodes. */
export interface NodeState {
  /** Its id in `responder_nodes`; null while it has no row. */
  readonly id: string | null;
  readonly leaseRunning: boolean;
  readonly applied: bigint;
  readonly entries: number;
  readonly bytes: number;
}

/** This process as a responder node: its memory, its lease, and the session in which it follows the revocation feed. */
@Injectable()
export class OcspNode implements OnApplicationBootstrap, OnModuleDestroy {
  readonly cache: FencedCache<OcspAnswer>;
  /** By {@link formatStatusKey}. */
  readonly statuses: FencedCache<CertificateStatus | null>;
  private readonly lease: FreshnessLease;
  private readonly follower: FeedFollower;
  private readonly leaseMs: number;
  private stopping = false;
  private following: Promise<void> = Promise.resolve();
  private endPause: () => void = () => undefined;
  private responderRevoked: (issuerId: string | null) => void = () => undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {
    this.leaseMs = config.ocsp.lease * 1000;
    this.lease = new FreshnessLease(this.leaseMs);
    const statusBytes = Math.floor(config.ocsp.memoryMax * STATUS_SHARE);
    this.statuses = new FencedCache(this.lease, statusBytes);
    this.cache = new FencedCache(this.lease, config.ocsp.memoryMax - statusBytes);
    const evictCertificate = (issuerId: string, serialNumber: Buffer): void => {
      for (const algorithm of CERT_ID_ALGORITHMS)
        this.cache.evict(formatResponseKey({ issuerId, serialNumber, algorithm }));
      this.statuses.evict(formatStatusKey(issuerId, serialNumber));
    };
    const evictResponder = (issuerId: string): void => {
      // All of them, which costs little where it comes to pass so rarely.
      this.cache.clear();
      this.responderRevoked(issuerId);
    };
    const clear = (): void => {
      this.cache.clear();
      this.statuses.clear();
      this.responderRevoked(null);
    };
    this.follower = new FeedFollower({ evictCertificate, evictResponder, clear }, this.lease, this.leaseMs);
  }

  get state(): NodeState {
    return {
      id: this.follower.id,
      leaseRunning: this.lease.isRunning(),
      applied: this.follower.appliedNumber,
      entries: this.cache.size,
      bytes: this.cache.bytes + this.statuses.bytes,
    };
  }

  /**
   * Sets what is called when the feed tells that a responder of this issuer was revoked (null: maybe one of any), after the
   * answers were evicted and before the lease is renewed.
   */
  onResponderRevoked(listener: (issuerId: string | null) => void): void {
    this.responderRevoked = listener;
  }

  onApplicationBootstrap(): void {
    if (this.config.ocsp.enabled) this.following = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    this.follower.poke();
    this.endPause();
    await this.following;
  }

  /** Follows over one connection after another. While there is none, the lease runs out and requests read the database. */
  private async run(): Promise<void> {
    while (!this.stopping) {
      const client = this.createClient();
      const lost = (error: Error): void => this.logger.warn({ err: error }, 'the session of the revocation feed broke');
      client.on('error', lost);
      try {
        await client.connect();
        await this.follower.follow(client, () => this.stopping);
        await this.follower.leave(client);
      } catch (error) {
        if (!this.stopping) this.logger.warn({ err: error }, 'the revocation feed can’t be followed; connecting again');
      } finally {
        client.end().catch(() => undefined);
      }
      await this.pause();
    }
    this.lease.end();
  }

  private createClient(): Client {
    const { url } = this.dataSource.options as PostgresDataSourceOptions;
    const timeout = followerTimeoutMs(this.leaseMs);
    return new Client({
      connectionString: url,
      application_name: 'certplane-feed',
      keepAlive: true,
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
    });
  }

  private pause(): Promise<void> {
    if (this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RECONNECT_MS);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
