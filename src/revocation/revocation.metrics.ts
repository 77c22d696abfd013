import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

@Injectable()
export class RevocationMetrics {
  readonly revocations: Counter<'reason'>;

  constructor(registry: Registry) {
    this.revocations = new Counter({
      name: 'certplane_revocations_total',
      help: 'Certificates revoked, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    });
  }
}
