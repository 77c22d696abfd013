import { Agent, request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import * as fc from 'fast-check';
import { buildOcspRequest, parseOcspRequest } from '../../src/pki/ocsp-request.js';
import type { Subject } from '../coherence/asker.js';
import { Cluster } from '../coherence/cluster.js';
import type { NodeProcess } from '../coherence/node-process.js';
import { decodeOcsp, OCSP_STATUS } from '../support/ocsp-client.js';

/** CA/B BR 4.9.9. */
const ANSWER_WITHIN_MS = 10_000;
const OCSP = '/.well-known/pki/ocsp';

interface Sent {
  readonly method: 'GET' | 'POST' | 'HEAD';
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent one after another; without a Content-Length they go out chunked. */
  readonly pieces?: readonly Uint8Array[];
}

interface Received {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Bytes that were a request once. */
const mutationsOf = (valid: readonly Buffer[]): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(...valid).chain((request) =>
    fc.oneof(
      fc.array(fc.nat(request.length * 8 - 1), { minLength: 1, maxLength: 6 }).map((bits) => flip(request, bits)),
      fc.nat(request.length).map((length) => request.subarray(0, length)),
      fc
        .tuple(fc.nat(request.length), fc.nat(request.length), fc.uint8Array({ maxLength: 40 }))
        .map(([from, to, bytes]) =>
          Buffer.concat([request.subarray(0, Math.min(from, to)), bytes, request.subarray(Math.max(from, to))]),
        ),
      fc
        .tuple(fc.nat(request.length), fc.uint8Array({ maxLength: 40 }))
        .map(([at, bytes]) => Buffer.concat([request.subarray(0, at), bytes, request.subarray(at)])),
      fc.integer({ min: 2, max: 200 }).map((times) => Buffer.concat(Array.from({ length: times }, () => request))),
      fc.uint8Array({ maxLength: 300 }),
      fc.constant(request),
    ),
  );

function flip(request: Buffer, bits: readonly number[]): Buffer {
  const flipped = Buffer.from(request);
  for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

const contentType = fc.option(
  fc.oneof(
    fc.constant('application/ocsp-request'),
    fc.constantFrom('text/plain', 'application/json', 'multipart/form-data', ';', 'x'),
  ),
  { nil: undefined },
);

/** Cuts bytes into pieces. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((one, other) => one - other);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ length }) => length > 0);
}

const urlText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...'ABCMabcm019+/=-_.~:@!$&()*,;'.split('')),
      fc.constantFrom(
        '%2F',
        '%2B',
        '%3D',
        '%00',
        '%ff',
        '%',
        '%4',
        '%zz',
        '%20',
        '//',
        '..',
        '/../',
        '?',
        '%C3%A9',
        'iss-local',
        '0x',
      ),
    ),
    { maxLength: 80 },
  )
  .map((parts) => parts.join(''));

describe('whatever is sent to the OCSP responder', () => {
  const agent = new Agent({ keepAlive: true });
  let cluster: Cluster;
  let node: NodeProcess;
  let subject: Subject;
  let pid: number | null;
  let valid: Buffer[];
  const answered = new Set<number>();

  beforeAll(async () => {
    cluster = await Cluster.start({ seed: 0, leaseSeconds: 5 }, ['responder']);
    [node] = cluster.nodes as [NodeProcess];
    pid = node.pid;
    [subject] = (await cluster.issue(1)) as [Subject];
    const { questions } = subject;
    valid = [questions.sha1.body, questions.sha256.body, withNonce(questions.sha1.body)];
  }, 90_000);

  afterAll(async () => {
    agent.destroy();
    await cluster.stop();
  }, 60_000);

  function send({ method, path, headers = {}, pieces = [] }: Sent): Promise<Received> {
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: node.pkiPort,
        agent,
        method,
        path,
        headers,
        timeout: ANSWER_WITHIN_MS,
      };
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'],
            body: Buffer.concat(chunks),
          }),
        );
      });
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('error', reject);
      for (const piece of pieces) request.write(piece);
      request.end();
    });
  }

  /** Every answer is an OCSP response, and never calls another certificate good than the one there is. */
  async function expectOcspResponse(sent: Sent): Promise<void> {
    const { status, type, body } = await send(sent);
    expect({ status, type }).toEqual({ status: 200, type: 'application/ocsp-response' });
    const { responderStatus, singles } = decodeOcsp(body);
    answered.add(responderStatus);
    expect(Object.values(OCSP_STATUS)).toContain(responderStatus);
    expect(singles.length > 0).toBe(responderStatus === OCSP_STATUS.successful);
    for (const single of singles) {
      if (single.status === 'good') expect(subject.questions.sha1.body.toString('hex')).toContain(single.serialNumber);
    }
  }

  /** The process is the one that was started, and answers as it should. */
  async function expectAlive(): Promise<void> {
    expect(node.pid).toBe(pid);
    expect(await cluster.asker.query(node, subject, 'sha256')).toBe('good');
  }

  it('a body that was a valid request once is answered with an OCSP response', async () => {
    await fc.assert(
      fc.asyncProperty(
        mutationsOf(valid),
        contentType,
        fc.boolean(),
        fc.array(fc.nat(10_000), { maxLength: 4 }),
        async (bytes, type, chunked, places) => {
          await expectOcspResponse({
            method: 'POST',
            path: `${OCSP}/iss-local`,
            headers: {
              ...(type === undefined ? {} : { 'content-type': type }),
              ...(chunked ? {} : { 'content-length': bytes.length }),
            },
            pieces: chunked ? cut(bytes, places) : [bytes].filter(({ length }) => length > 0),
          });
        },
      ),
      { numRuns: 1500 },
    );
    // Both sides of the border were visited.
    expect([...answered].sort((one, other) => one - other)).toEqual([
      OCSP_STATUS.successful,
      OCSP_STATUS.malformedRequest,
      OCSP_STATUS.unauthorized,
    ]);
    await expectAlive();
  }, 120_000);

  it('a GET path that holds what was a valid request once is answered with an OCSP response', async () => {
    await fc.assert(
      fc.asyncProperty(
        mutationsOf(valid),
        fc.constantFrom<BufferEncoding>('base64', 'base64url'),
        fc.constantFrom('', '/iss-local', '/no-such-issuer'),
        fc.boolean(),
        async (bytes, encoding, issuer, escaped) => {
          const text = Buffer.from(bytes).toString(encoding);
          await expectOcspResponse({
            method: 'GET',
            path: `${OCSP}${issuer}/${escaped ? encodeURIComponent(text) : text}`,
          });
        },
      ),
      { numRuns: 700 },
    );
    await expectAlive();
  }, 120_000);

  it('a GET path of whatever characters is answered with an OCSP response', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('/', '/iss-local/', '/iss-local/M'), urlText, async (start, text) => {
        await expectOcspResponse({ method: 'GET', path: `${OCSP}${start}${text}` });
      }),
      { numRuns: 700 },
    );
    await expectAlive();
  }, 120_000);
});

/** The same request with a nonce of 16 octets. */
function withNonce(request: Buffer): Buffer {
  return buildOcspRequest(parseOcspRequest(request, { nonceMaxBytes: 16 }).certIds, Buffer.alloc(16, 0x5a));
}
