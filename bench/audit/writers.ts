import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { AuditMetrics } from '../../src/audit/audit.metrics.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { Clock } from '../../src/platform/clock/clock.js';
import { Transactions } from '../../src/platform/database/transaction.js';
import { systemCaller } from '../../src/platform/http/caller.js';

const CALLER = systemCaller('bench');

/** What a slice of time brought; latencies in milliseconds, from when a write was due to its COMMIT. */
export interface WriteResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Writes as the product does: an act and its audit event in one transaction. */
export class Writers {
  private readonly transactions: Transactions;
  private readonly audit: AuditService;
  private written = 0;

  constructor(dataSource: DataSource) {
    this.transactions = new Transactions(dataSource);
    this.audit = new AuditService(dataSource, new Clock(), new AuditMetrics(new Registry()));
  }

  /** As many as so many writers can, each one after another. */
  async flatOut(writers: number, seconds: number, audited: boolean): Promise<WriteResult> {
    const latencies: number[] = [];
    const startedMs = performance.now();
    const endMs = startedMs + seconds * 1000;
    const run = async (): Promise<void> => {
      for (let now = performance.now(); now < endMs; now = performance.now()) {
        await this.write(audited);
        latencies.push(performance.now() - now);
      }
    };
    await Promise.all(Array.from({ length: writers }, run));
    return summarize(latencies, performance.now() - startedMs);
  }

  /** So many a second, by so many writers. One that comes late to a write is charged for the time since it was due. */
  async atRate(rate: number, writers: number, seconds: number): Promise<WriteResult> {
    const latencies: number[] = [];
    const total = Math.round(rate * seconds);
    const startedMs = performance.now();
    let next = 0;
    const run = async (): Promise<void> => {
      while (next < total) {
        const dueMs = startedMs + (next++ / rate) * 1000;
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
        await this.write(true);
        latencies.push(performance.now() - dueMs);
      }
    };
    await Promise.all(Array.from({ length: writers }, run));
    return summarize(latencies, performance.now() - startedMs);
  }

  private async write(audited: boolean): Promise<void> {
    const number = ++this.written;
    await this.transactions.run(async (tx) => {
      await tx.query('INSERT INTO bench_acts (number) VALUES ($1)', [number]);
      if (!audited) return;
      await this.audit.record(tx, CALLER, {
        action: 'certificate.issue',
        subjectType: 'certificate',
        subjectId: `bench-${number}`,
        details: { issuer_id: 'iss-local', serial_number: number.toString(16), subject: 'CN=www.example.com' },
      });
    });
  }
}

function summarize(latencies: number[], elapsedMs: number): WriteResult {
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return { perSecond: (latencies.length / elapsedMs) * 1000, p50: at(0.5), p99: at(0.99) };
}
