// Certplane as it runs, in a process of its own, but for the schedule: its CRLs are built when it is told to.
import 'reflect-metadata';
import '../ocsp/probe.js';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createApp } from '../../src/app.js';
import { CrlBuilder } from '../../src/crl/crl-builder.js';
import { CrlStore } from '../../src/crl/crl-store.js';
import { readConfig } from '../../src/platform/config/env.js';
import { isProbeQuestion, type ProbeQuestion } from '../ocsp/probe.js';
import { ISSUER_ID } from '../ocsp/bench.js';

/** `start` is answered when it serves, the others when such a CRL is published. */
export type CrlOrder = 'start' | 'complete' | 'delta';

export interface CrlRun {
  readonly elapsedMs: number;
  readonly sizeBytes: number;
  /** How long the event loop was held up at the most. */
  readonly longestDelayMs: number;
  /** How much the most that was resident lies above what was resident before. */
  readonly grownBytes: number;
}

const starting = createApp(readConfig(process.env), { schedules: false });

async function build(kind: 'complete' | 'delta'): Promise<CrlRun> {
  const { nest } = await starting;
  const scope = { issuerId: ISSUER_ID, kind, shard: 0 };
  globalThis.gc?.();
  const residentBytes = process.memoryUsage().rss;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedMs = performance.now();
  const result = await nest.get(CrlBuilder).build(scope, { force: true });
  const elapsedMs = performance.now() - startedMs;
  delay.disable();
  if (result !== 'published') throw new Error(`the CRL was not published: ${result}`);
  const published = await nest.get(CrlStore).findPublished(scope);
  return {
    elapsedMs,
    sizeBytes: published!.sizeBytes,
    longestDelayMs: delay.max / 1e6,
    grownBytes: process.resourceUsage().maxRSS * 1024 - residentBytes,
  };
}

process.on('message', (order: CrlOrder | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  const answer = order === 'start' ? starting.then(() => true) : build(order);
  void answer.then((result) => process.send?.(result));
});

process.once('SIGTERM', () => {
  void starting.then(async (app) => {
    await app.stop();
    process.exit(0);
  });
});
