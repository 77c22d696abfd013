// Certplane as it runs, in a process of its own, but for the schedule: its pre-signer works when it is told to.
import 'reflect-metadata';
import '../ocsp/probe.js';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createApp } from '../../src/app.js';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { readConfig } from '../../src/platform/config/env.js';
import { isProbeQuestion, type ProbeQuestion } from '../ocsp/probe.js';

/** `start` is answered when it serves, `presign` when nothing is due any more. */
export type PresignOrder = 'start' | 'presign';

export interface PresignRun {
  readonly elapsedMs: number;
  /** How long the event loop was held up at the most, and in 99 of 100 turns. */
  readonly longestDelayMs: number;
  readonly p99DelayMs: number;
  /** The most that was resident since the process started. */
  readonly peakBytes: number;
}

const starting = createApp(readConfig(process.env), { schedules: false });

async function presign(): Promise<PresignRun> {
  const scheduler = (await starting).nest.get(PresignScheduler);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedMs = performance.now();
  await scheduler.run();
  const elapsedMs = performance.now() - startedMs;
  delay.disable();
  return {
    elapsedMs,
    longestDelayMs: delay.max / 1e6,
    p99DelayMs: delay.percentile(99) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

process.on('message', (order: PresignOrder | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  const answer = order === 'start' ? starting.then(() => true) : presign();
  void answer.then((result) => process.send?.(result));
});

process.once('SIGTERM', () => {
  void starting.then(async (app) => {
    await app.stop();
    process.exit(0);
  });
});
