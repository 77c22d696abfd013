import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

@Injectable()
export class CertificatesMetrics {
  readonly issued: Counter<'profile'>;

  constructor(registry: Registry) {
    this.issued = new Counter({
      name: 'certplane_certificates_issued_total',
      help: 'Certificates issued, by profile (leaf, intermediate, ocsp-responder).',
      labelNames: ['profile'],
      registers: [registry],
    });
  }
}
