import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TalliedCounter } from '../platform/metrics/tallied-counter.js';
import { TalliedHistogram } from '../platform/metrics/tallied-histogram.js';

/** What happens to stored responses, responder certificates and nodes. */
type OcspEvent =
  | 'response_stored'
  | 'response_discarded'
  | 'response_presigned'
  | 'presign_failed'
  | 'responses_invalidated'
  | 'responder_issued'
  | 'responder_removed'
  | 'node_silenced'
  | 'rate_limited';

@Injectable()
export class OcspMetrics {
  readonly requests: TalliedCounter<'method' | 'status'>;
  readonly seconds: TalliedHistogram;
  readonly cacheLookups: TalliedCounter<'layer' | 'result'>;
  readonly visibilitySeconds: Histogram;
  private readonly events: Counter<'event'>;
  private readonly presignLagGauge: Gauge;
  private readonly presignDueGauge: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new TalliedCounter(registry, {
      name: 'certplane_ocsp_requests_total',
      help: 'OCSP requests, by HTTP method and by what was answered: a certificate status, `several`, or an OCSP error status.',
      labelNames: ['method', 'status'],
    });
    this.seconds = new TalliedHistogram(registry, {
      name: 'certplane_ocsp_request_duration_seconds',
      help: 'How long an OCSP request took, from its last byte to the first of the answer.',
      buckets: [0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
    });
    this.cacheLookups = new TalliedCounter(registry, {
      name: 'certplane_ocsp_cache_lookups_total',
      help: 'Lookups of stored OCSP responses, by layer (memory, database) and result (hit, stale, miss).',
      labelNames: ['layer', 'result'],
    });
    this.visibilitySeconds = new Histogram({
      name: 'certplane_revocation_visibility_seconds',
      help: 'How long after its commit a revocation waited until every node had applied it.',
      buckets: [0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    });
    this.events = new Counter({
      name: 'certplane_ocsp_events_total',
      help: 'OCSP events: response_stored, response_discarded (a revocation came between), response_presigned (by the schedule), presign_failed (to be tried again), responses_invalidated, responder_issued, responder_removed, node_silenced, rate_limited.',
      labelNames: ['event'],
      registers,
    });
    this.presignLagGauge = new Gauge({
      name: 'certplane_ocsp_presign_lag_seconds',
      help: 'How long the most overdue response has been due, when the pre-signer last looked.',
      aggregator: 'max',
      registers,
    });
    this.presignDueGauge = new Gauge({
      name: 'certplane_ocsp_presign_due',
      help: 'How many responses were due to be signed, when the pre-signer last looked; an estimate above 50000.',
      aggregator: 'max',
      registers,
    });
  }

  count(event: OcspEvent, by = 1): void {
    this.events.inc({ event }, by);
  }

  setPresignBacklog(due: number, lagSeconds: number): void {
    this.presignDueGauge.set(due);
    this.presignLagGauge.set(lagSeconds);
  }
}
