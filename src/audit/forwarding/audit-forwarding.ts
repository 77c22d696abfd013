import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createSecureContext } from 'node:tls';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Pool } from 'pg';
import { Clock } from '../../platform/clock/clock.js';
import { CONFIG } from '../../platform/config/config.module.js';
import type { Config } from '../../platform/config/env.js';
import { PG_POOL } from '../../platform/database/database.module.js';
import { StartError } from '../../platform/errors/start-error.js';
import { InjectLogger, type Logger } from '../../platform/logging/logger.js';
import { AuditTrailMetrics } from '../audit-trail.metrics.js';
import { AuditForwarder } from './audit-forwarder.js';
import type { AuditSink } from './audit-sink.js';
import { SyslogSink } from './syslog-sink.js';
import { WebhookSink } from './webhook-sink.js';

const INTERVAL_MS = 1000;

/** Keeps what the configuration names up to date with the trail; a sink that is out holds up no other. */
@Injectable()
export class AuditForwarding implements OnModuleDestroy {
  private readonly forwarders: readonly AuditForwarder[];

  /** @throws StartError when a CA file can't be used */
  constructor(
    @Inject(PG_POOL) pool: Pool,
    metrics: AuditTrailMetrics,
    clock: Clock,
    @Inject(CONFIG) config: Config,
    @InjectLogger() logger: Logger,
  ) {
    this.forwarders = createSinks(config, clock).map((sink) => {
      metrics.watch(sink.name);
      return new AuditForwarder(sink, pool, metrics, clock, logger);
    });
  }

  @Interval('audit-forwarding', INTERVAL_MS)
  async run(): Promise<void> {
    await Promise.all(this.forwarders.map((forwarder) => forwarder.run()));
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.forwarders.map((forwarder) => forwarder.stop()));
  }
}

function createSinks({ audit: { syslog, webhook } }: Config, clock: Clock): AuditSink[] {
  const sinks: AuditSink[] = [];
  if (syslog !== null) {
    const ca = readCa('CERTPLANE_AUDIT_SYSLOG_CA_FILE', syslog.caFile);
    sinks.push(new SyslogSink({ ...syslog, ca }, hostname()));
  }
  if (webhook !== null) {
    const ca = readCa('CERTPLANE_AUDIT_WEBHOOK_CA_FILE', webhook.caFile);
    sinks.push(new WebhookSink({ ...webhook, ca }, clock));
  }
  return sinks;
}

/** Fails at the start rather than at the first event. */
function readCa(variable: string, file: string | null): string | null {
  if (file === null) return null;
  try {
    const ca = readFileSync(file, 'utf8');
    createSecureContext({ ca });
    if (ca.includes('-----BEGIN CERTIFICATE-----')) return ca;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown fault';
    throw new StartError(`${variable}: ${file} can't be used (${reason}).`, error);
  }
  throw new StartError(`${variable}: ${file} holds no certificate in PEM.`);
}
