// P-256 signatures with node:crypto on one thread, and nothing else.
import { generateKeyPairSync, sign } from 'node:crypto';
import { isProbeQuestion, type ProbeQuestion } from './probe.js';

export interface SignaturesResult {
  readonly perSecond: number;
}

const BATCH = 100;
/** About as long as what an OCSP response signs. */
const TBS = Buffer.alloc(200, 1);

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

process.on('message', (order: { seconds: number } | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  const startedMs = performance.now();
  let count = 0;
  while (performance.now() - startedMs < order.seconds * 1000) {
    for (let i = 0; i < BATCH; i++) sign('sha256', TBS, privateKey);
    count += BATCH;
  }
  const result: SignaturesResult = { perSecond: (count * 1000) / (performance.now() - startedMs) };
  process.send?.(result);
});
