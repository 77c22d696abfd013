// OCSP responses with a nonce as the app builds and signs them, on one thread, without a request and without HTTP.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { LocalSigner } from '../../src/keys/local-signer.js';
import { buildCertId } from '../../src/pki/cert-id.js';
import { buildOcspResponse } from '../../src/pki/ocsp-response.js';
import type { SignaturesResult } from './bare-signatures.js';
import { isProbeQuestion, type ProbeQuestion } from './probe.js';

const BATCH = 100;
const NONCE = randomBytes(32);
/** About as long as a responder's. */
const CERTIFICATE = randomBytes(500);
const ISSUER = { subjectDer: randomBytes(40), publicKeyBits: randomBytes(65) };
const DAY_MS = 86_400_000;

const signer = new LocalSigner(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey, () => undefined);
const certId = buildCertId('sha1', ISSUER, randomBytes(16));
const responderKeyHash = randomBytes(20);

async function build(): Promise<void> {
  const producedAt = new Date();
  const nextUpdate = new Date(producedAt.getTime() + DAY_MS);
  const single = { certId, certStatus: { status: 'good' }, thisUpdate: producedAt, nextUpdate } as const;
  const response = { responses: [single], responderKeyHash, producedAt, nonce: NONCE, certificate: CERTIFICATE };
  await buildOcspResponse(response, signer);
}

async function measure(seconds: number): Promise<SignaturesResult> {
  const startedMs = performance.now();
  let count = 0;
  while (performance.now() - startedMs < seconds * 1000) {
    for (let i = 0; i < BATCH; i++) await build();
    count += BATCH;
  }
  return { perSecond: (count * 1000) / (performance.now() - startedMs) };
}

process.on('message', (order: { seconds: number } | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  void measure(order.seconds).then((result) => process.send?.(result));
});
