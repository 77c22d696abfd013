import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

@Injectable()
export class AuditMetrics {
  readonly events: Counter<'action' | 'outcome'>;

  constructor(registry: Registry) {
    this.events = new Counter({
      name: 'certplane_events_total',
      help: 'Audit events, by action and outcome (success, refused).',
      labelNames: ['action', 'outcome'],
      registers: [registry],
    });
  }
}
