import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import type { StatusChange } from '../certificates/certificate-revocations.js';

@Injectable()
export class RevocationMetrics {
  private readonly revocations: Counter<'reason'>;
  private readonly releases: Counter;

  constructor(registry: Registry) {
    this.revocations = new Counter({
      name: 'certplane_revocations_total',
      help: 'Revocations, holds and corrections, by the reason that they gave.',
      labelNames: ['reason'],
      registers: [registry],
    });
    this.releases = new Counter({
      name: 'certplane_releases_total',
      help: 'Certificates taken off hold.',
      registers: [registry],
    });
  }

  count({ revocation }: Pick<StatusChange, 'revocation'>): void {
    if (revocation === null) this.releases.inc();
    else this.revocations.inc({ reason: revocation.revocationReason });
  }
}
