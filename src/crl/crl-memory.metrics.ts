import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';

/** What counts the memory that CRLs take, in bytes. */
type CountBytes = () => number;

/** What a process holds of the CRLs. */
@Injectable()
export class CrlMemoryMetrics {
  readonly lookups: Counter<'result'>;
  readonly bytes: Gauge;
  private countBytes: CountBytes = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.lookups = new Counter({
      name: 'certplane_crl_memory_lookups_total',
      help: 'Look-ups of the bytes of a CRL in memory, by result (hit, miss).',
      labelNames: ['result'],
      registers,
    });
    const count: CountBytes = () => this.countBytes();
    this.bytes = new Gauge({
      name: 'certplane_crl_memory_bytes',
      help: 'The memory that CRLs take, kept or being downloaded.',
      registers,
      collect() {
        this.set(count());
      },
    });
  }

  /** Whom to ask, whenever somebody scrapes. */
  watchBytes(countBytes: CountBytes): void {
    this.countBytes = countBytes;
  }
}
