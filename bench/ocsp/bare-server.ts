// What the ratios are against: node:http and nothing else. It reads the body and returns the same bytes with the same
// headers; with a key it makes one signature an answer besides.
import { createPrivateKey, sign } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isProbeQuestion, type ProbeQuestion } from './probe.js';

export interface BareAnswer {
  readonly body: Uint8Array;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

export interface BareOrder {
  /** Sent in turn. */
  readonly answers: readonly BareAnswer[];
  /** PEM of the key to sign with, or null. */
  readonly privateKey: string | null;
}

/** About as long as what an OCSP response signs. */
const TBS = Buffer.alloc(200, 1);

process.on('message', (order: BareOrder | ProbeQuestion) => {
  if (isProbeQuestion(order)) return;
  const answers = order.answers.map(({ body, headers }) => ({ body: Buffer.from(body), headers: [...headers] }));
  let next = 0;
  const key = order.privateKey === null ? null : createPrivateKey(order.privateKey);
  const answer = (response: ServerResponse): void => {
    if (key !== null) sign('sha256', TBS, key);
    next = next + 1 === answers.length ? 0 : next + 1;
    const { body, headers } = answers[next]!;
    response.writeHead(200, headers).end(body);
  };
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      answer(response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => answer(response));
  });
  server.keepAliveTimeout = 65_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
});
