import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';

@Injectable()
export class OcspMetrics {
  readonly requests: Counter<'method' | 'status'>;
  readonly seconds: Histogram;
  readonly cacheLookups: Counter<'layer' | 'result'>;
  readonly events: Counter<'event'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'certplane_ocsp_requests_total',
      help: 'OCSP requests, by HTTP method and by what was answered: a certificate status, `several`, or an OCSP error status.',
      labelNames: ['method', 'status'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'certplane_ocsp_request_duration_seconds',
      help: 'How long an OCSP request took, from its last byte to the first of the answer.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10],
      registers,
    });
    this.cacheLookups = new Counter({
      name: 'certplane_ocsp_cache_lookups_total',
      help: 'Lookups of stored OCSP responses, by layer (database) and result (hit, stale, miss).',
      labelNames: ['layer', 'result'],
      registers,
    });
    this.events = new Counter({
      name: 'certplane_ocsp_events_total',
      help: 'OCSP events: response_stored, response_discarded (a revocation came between), responses_invalidated, responder_issued.',
      labelNames: ['event'],
      registers,
    });
  }
}
