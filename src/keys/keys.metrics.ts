import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

@Injectable()
export class KeysMetrics {
  readonly signatures: Counter<'purpose'>;

  constructor(registry: Registry) {
    this.signatures = new Counter({
      name: 'certplane_signatures_total',
      help: 'Signatures made, by purpose (certificate, crl, ocsp, audit).',
      labelNames: ['purpose'],
      registers: [registry],
    });
  }
}
