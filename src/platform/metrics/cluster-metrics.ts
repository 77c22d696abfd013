import cluster, { type Worker } from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { AggregatorRegistry, type PrometheusContentType, type Registry } from 'prom-client';

const ASK = 'certplane:metrics:ask';
const ANSWER = 'certplane:metrics:answer';
const ANSWER_TIMEOUT_MS = 5000;

interface MetricsMessage {
  readonly type: typeof ASK | typeof ANSWER;
  readonly id: string;
  readonly text?: string;
}

function isMetricsMessage(message: unknown, type: MetricsMessage['type']): message is MetricsMessage {
  return typeof message === 'object' && message !== null && (message as MetricsMessage).type === type;
}

/** All metrics as text: of this process, or of all workers together where this is one of them. */
export function scrape(registry: Registry): Promise<string> {
  return cluster.isWorker ? askPrimary() : registry.metrics();
}

let aggregator: AggregatorRegistry<PrometheusContentType> | null = null;

/** In a worker: lets the primary gather this registry. In a single process it changes nothing. */
export function shareWithPrimary(registry: Registry): void {
  if (!cluster.isWorker) return;
  AggregatorRegistry.setRegistries([registry]);
  // Its constructor is what makes this process answer the primary.
  aggregator ??= new AggregatorRegistry();
}

function askPrimary(): Promise<string> {
  const id = randomUUID();
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      process.off('message', onMessage);
      act();
    };
    const onMessage = (message: unknown): void => {
      if (!isMetricsMessage(message, ANSWER) || message.id !== id) return;
      const { text } = message;
      settle(() => (text === undefined ? reject(new Error('the workers’ metrics can’t be had')) : resolve(text)));
    };
    const timer = setTimeout(() => settle(() => reject(new Error('no metrics in time'))), ANSWER_TIMEOUT_MS);
    process.on('message', onMessage);
    process.send?.({ type: ASK, id } satisfies MetricsMessage);
  });
}

/** In the primary: gathers the metrics of all workers whenever one of them is scraped. */
export function answerScrapes(): void {
  const gathering = (aggregator ??= new AggregatorRegistry());
  cluster.on('message', (worker: Worker, message: unknown) => {
    if (!isMetricsMessage(message, ASK)) return;
    const answer = (text?: string): void => {
      const reply: MetricsMessage = { type: ANSWER, id: message.id, ...(text === undefined ? {} : { text }) };
      if (worker.isConnected()) worker.send(reply);
    };
    gathering.clusterMetrics().then(answer, () => answer());
  });
}
