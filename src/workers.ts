import cluster, { type Worker } from 'node:cluster';
import type { AppFacts } from './app.js';
import { openDatabase, prepareApp } from './app.js';
import type { Config } from './platform/config/env.js';
import { StartError } from './platform/errors/start-error.js';
import { createLogger } from './platform/logging/logger.js';
import { answerScrapes } from './platform/metrics/cluster-metrics.js';

const READY = 'certplane:ready';
const RESTART_PAUSE_MS = 1000;

/** The processes that answer, and the one that started them. */
export interface Workers extends AppFacts {
  stop(): Promise<void>;
}

/** In a worker: it answers now. */
export function tellReady(): void {
  process.send?.(READY);
}

/**
 * Sets up what the workers share, and starts them; one that dies is replaced. Resolves when all answer, rejects when one
 * ends before it does.
 */
export async function startWorkers(config: Config, onProgress: (message: string) => void): Promise<Workers> {
  const database = await openDatabase(config, onProgress);
  const logger = createLogger(config.logLevel);
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    await Promise.all(workers.map(endWorker));
    await database.close();
  };
  try {
    const facts = await prepareApp({ ...config, databaseUrl: database.url }, { onProgress });
    answerScrapes();
    // A worker of the embedded database must connect to it and not start another.
    const env = config.databaseUrl === null ? { CERTPLANE_DATABASE_URL: database.url } : {};
    onProgress(`Starting ${config.workers} workers`);
    let started = false;
    const ready = new Set<number>();
    cluster.on('exit', (worker, code, signal) => {
      // One that ends before it was ready fails the start, or was a replacement and is replaced again.
      if (stopping || (!started && !ready.has(worker.id))) return;
      logger.error({ pid: worker.process.pid, code, signal }, 'a worker ended; starting another');
      setTimeout(() => {
        if (!stopping) startWorker(env, ready).catch(() => undefined);
      }, RESTART_PAUSE_MS);
    });
    await Promise.all(Array.from({ length: config.workers }, () => startWorker(env, ready)));
    started = true;
    return { ...facts, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startWorker(env: Record<string, string>, ready: Set<number>): Promise<void> {
  const worker = cluster.fork(env);
  return new Promise((resolve, reject) => {
    worker.on('message', (message: unknown) => {
      if (message !== READY) return;
      ready.add(worker.id);
      resolve();
    });
    worker.once('exit', () => reject(new StartError('A worker ended before it was ready; its output says why.')));
  });
}

function endWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) {
      resolve();
      return;
    }
    worker.once('exit', () => resolve());
    worker.process.kill('SIGTERM');
  });
}
