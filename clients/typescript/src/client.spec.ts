import { CertplaneClient } from './client.js';
import { ConnectionError, ProblemError, UnexpectedAnswerError } from './errors.js';
import type { Transport, TransportAnswer, TransportRequest } from './transport.js';

const URL_OF_TEST = 'https://certplane.example.com';
const WHOAMI = { actor: 'api-key:test', role: 'admin' };

type Reply = Partial<Omit<TransportAnswer, 'body'>> & { readonly body?: unknown };

/** Answers with one reply after another, the last one for ever, and keeps what was asked. */
class FakeTransport implements Transport {
  readonly requests: TransportRequest[] = [];
  closed = false;

  constructor(private readonly replies: readonly (Reply | Error)[]) {}

  send(request: TransportRequest): Promise<TransportAnswer> {
    const reply = this.replies[Math.min(this.requests.length, this.replies.length - 1)] ?? {};
    this.requests.push(request);
    return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(answerOf(reply));
  }

  close(): void {
    this.closed = true;
  }
}

function answerOf({
  status = 200,
  headers = { 'content-type': 'application/json' },
  body = WHOAMI,
}: Reply): TransportAnswer {
  const bytes =
    body instanceof Uint8Array
      ? body
      : new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
  // In pieces that cut characters and lines in two.
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7));
  }
  return { status, headers, body: pieces() };
}

function problem(
  status: number,
  code: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', ...headers },
    body: {
      type: `urn:certplane:error:${code}`,
      title: 'Title',
      status,
      detail: `The detail of ${code}.`,
      code,
      ...more,
    },
  };
}

function connect(replies: readonly (Reply | Error)[], options: { retries?: number; apiKey?: string } = {}) {
  const transport = new FakeTransport(replies);
  const client = new CertplaneClient({ url: URL_OF_TEST, apiKey: 'secret', transport, ...options });
  return { client, transport, requests: transport.requests };
}

const broken = (code = 'ECONNRESET'): ConnectionError => new ConnectionError(URL_OF_TEST, code, new Error(code));

describe('a call', () => {
  it('sends the API key, and what it asks for', async () => {
    const { client, requests } = connect([{ body: { items: [], next_cursor: null } }]);
    await client.listCertificates({ status: 'active', limit: 10, cursor: undefined, serial_number: '0a b&c' });
    expect(requests[0]).toMatchObject({
      method: 'GET',
      url: `${URL_OF_TEST}/api/v1/certificates?status=active&limit=10&serial_number=0a+b%26c`,
      body: null,
      headers: { authorization: 'Bearer secret' },
    });
    expect(requests[0]?.headers).not.toHaveProperty('content-type');
  });

  it('sends a body as JSON, and no members that are undefined', async () => {
    const { client, requests } = connect([{ status: 201 }]);
    await client.issueCertificate({ issuer_id: 'iss-local', csr: 'CSR', validity: undefined });
    expect(requests[0]).toMatchObject({ method: 'POST', body: '{"issuer_id":"iss-local","csr":"CSR"}' });
    expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
  });

  it('sends bytes as they are, and the API key to nobody who answers everybody', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const { client, requests } = connect([{ headers: { 'content-type': 'application/ocsp-response' }, body: bytes }]);
    const { bytes: answer, contentType, filename } = await client.ocspPostToIssuer('iss-local', bytes);
    expect([...answer]).toEqual([1, 2, 3]);
    expect([contentType, filename]).toEqual(['application/ocsp-response', null]);
    expect(requests[0]?.body).toBe(bytes);
    expect(requests[0]?.headers).toMatchObject({ 'content-type': 'application/ocsp-request' });
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('encodes what stands in the path, and refuses what would lead elsewhere', async () => {
    const { client, requests } = connect([{}]);
    await client.getIssuer('a/../b?c#d');
    expect(requests[0]?.url).toBe(`${URL_OF_TEST}/api/v1/issuers/a%2F..%2Fb%3Fc%23d`);
    for (const id of ['', '.', '..']) expect(() => client.getIssuer(id)).toThrow(TypeError);
  });

  it('sends the headers of its options, and shows those of the answer', async () => {
    const { client, requests } = connect([{ headers: { 'content-type': 'application/json', etag: '"a"' } }]);
    const heads: object[] = [];
    await client.revokeApiKey('id', {
      idempotencyKey: 'once',
      ifMatch: '"a"',
      headers: { 'x-request-id': 'mine-1234' },
      onAnswer: (head) => heads.push(head),
    });
    expect(requests[0]?.headers).toMatchObject({
      'idempotency-key': 'once',
      'if-match': '"a"',
      'x-request-id': 'mine-1234',
    });
    expect(heads).toEqual([{ status: 200, headers: { 'content-type': 'application/json', etag: '"a"' } }]);
  });

  it('reads a file with its name, and text', async () => {
    const headers = { 'content-type': 'application/x-pkcs12', 'content-disposition': 'attachment; filename="a.p12"' };
    const file = await connect([{ headers, body: Uint8Array.of(9) }]).client.exportCertificatePkcs12('id', {
      password: 'p',
    });
    expect(file).toEqual({ bytes: Uint8Array.of(9), contentType: 'application/x-pkcs12', filename: 'a.p12' });
    const text = connect([{ headers: { 'content-type': 'text/plain' }, body: 'up 1 · ü\n' }]);
    expect(await text.client.getMetrics()).toBe('up 1 · ü\n');
  });

  it('reads lines as they come, wherever they are cut', async () => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const lines: string[] = [];
    const { client, requests } = connect([{ headers, body: '{"type":"export","ü":1}\n{}\nlast' }]);
    for await (const line of client.exportAuditTrail({ from: '2026-01-01T00:00:00Z' })) lines.push(line);
    expect(lines).toEqual(['{"type":"export","ü":1}', '{}', 'last']);
    expect(new URL(requests[0]!.url).searchParams.get('from')).toBe('2026-01-01T00:00:00Z');
    const refused = connect([problem(403, 'forbidden')]).client.exportAuditTrail();
    await expect(refused.next()).rejects.toBeInstanceOf(ProblemError);
  });

  it('takes another status for no refusal where it means the same', async () => {
    const { client } = connect([{ status: 503, body: { ready: false, checks: {} } }]);
    expect(await client.ready()).toEqual({ ready: false, checks: {} });
  });

  it('closes its transport', () => {
    const { client, transport } = connect([{}]);
    client.close();
    expect(transport.closed).toBe(true);
  });
});

describe('a refused call', () => {
  it('rejects with all that the problem says', async () => {
    const faults = [{ field: 'csr', message: 'is missing' }];
    const { client } = connect([problem(400, 'invalid_request', { errors: faults, request_id: 'r-1', extra: 1 })]);
    const error: unknown = await client.getIssuer('x').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      name: 'ProblemError',
      message: 'The detail of invalid_request.',
      code: 'invalid_request',
      status: 400,
      title: 'Title',
      errors: faults,
      requestId: 'r-1',
      retryAfterSeconds: null,
      problem: { extra: 1 },
    });
  });

  it('survives a problem that says little, or wrong things', async () => {
    const { client } = connect([
      { status: 418, headers: { 'content-type': 'application/problem+json' }, body: { errors: 'x', code: 5 } },
    ]);
    await expect(client.whoami()).rejects.toMatchObject({ code: 'unknown', status: 418, errors: [], requestId: null });
  });

  it.each<[string, Reply]>([
    ['a page of a proxy', { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>Bad gateway' }],
    ['a page with status 200', { headers: { 'content-type': 'text/html' }, body: '<html>Sign in' }],
    ['a redirection', { status: 302, headers: {}, body: '' }],
    ['JSON that is cut short', { body: '{"actor":' }],
    [
      'a problem that is no object',
      { status: 500, headers: { 'content-type': 'application/problem+json' }, body: '5' },
    ],
  ])('is told from %s', async (_, reply) => {
    await expect(connect([reply]).client.whoami()).rejects.toBeInstanceOf(UnexpectedAnswerError);
  });
});

describe('a call that may be repeated', () => {
  it.each<[string, Reply | Error]>([
    ['a broken connection', broken()],
    ['a database that does not answer', problem(503, 'database_unavailable')],
    ['a spent rate limit', problem(429, 'rate_limit_exceeded', {}, { 'retry-after': '0' })],
    ['a first call that is still at work', problem(409, 'idempotency_in_progress', {}, { 'retry-after': '0' })],
  ])('is tried again after %s', async (_, reply) => {
    const { client, requests } = connect([reply, {}]);
    expect(await client.whoami()).toEqual(WHOAMI);
    expect(requests).toHaveLength(2);
  });

  it('is tried again under the same idempotency key', async () => {
    const { client, requests } = connect([broken(), { status: 201 }]);
    await client.issueCertificate({ issuer_id: 'iss-local', csr: 'CSR' }, { idempotencyKey: 'once' });
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['once', 'once']);
    expect(requests[1]?.body).toBe(requests[0]?.body);
  });

  it('is given up after so many times', async () => {
    const { client, requests } = connect([broken()], { retries: 1 });
    await expect(client.whoami()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(requests).toHaveLength(2);
  });

  it.each<[string, Reply | Error]>([
    ['a refusal', problem(403, 'forbidden')],
    ['too many wrong keys', problem(429, 'too_many_attempts', {}, { 'retry-after': '0' })],
    ['a rate limit for an hour', problem(429, 'rate_limit_exceeded', {}, { 'retry-after': '3600' })],
    ['a fault of the server', problem(500, 'internal_error')],
    ['a certificate that is not trusted', broken('SELF_SIGNED_CERT_IN_CHAIN')],
    ['an answer of somebody else', { headers: { 'content-type': 'text/html' }, body: '' }],
  ])('is not tried again after %s', async (_, reply) => {
    const { client, requests } = connect([reply]);
    await expect(client.whoami()).rejects.toThrow(/./);
    expect(requests).toHaveLength(1);
  });

  it('stops waiting when it is given up', async () => {
    const controller = new AbortController();
    const { client, requests } = connect([problem(429, 'rate_limit_exceeded', {}, { 'retry-after': '30' })]);
    const call = client.whoami({ signal: controller.signal, onAnswer: () => setTimeout(() => controller.abort(), 1) });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await expect(client.whoami({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(requests).toHaveLength(1);
  });
});

describe('a call that changes something without an idempotency key', () => {
  it('is never repeated', async () => {
    const { client, requests } = connect([broken()]);
    await expect(client.issueCertificate({ issuer_id: 'iss-local', csr: 'CSR' })).rejects.toBeInstanceOf(
      ConnectionError,
    );
    expect(requests).toHaveLength(1);
  });
});

describe('a list', () => {
  it('is gone through page by page, as far as it is wanted', async () => {
    const page = (next: string | null, ...ids: string[]): Reply => ({
      body: { items: ids.map((id) => ({ id })), next_cursor: next },
    });
    const { client, requests } = connect([page('c1', 'a', 'b'), page('c2', 'c'), page(null, 'd')]);
    const seen: string[] = [];
    for await (const { id } of client.eachIssuer({ limit: 2 })) {
      seen.push(id);
      if (id === 'c') break;
    }
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(requests.map(({ url }) => new URL(url).search)).toEqual(['?limit=2', '?limit=2&cursor=c1']);
  });

  it('ends without a next page, also when it is empty', async () => {
    const { client } = connect([{ body: { items: [], next_cursor: null } }]);
    const seen: unknown[] = [];
    for await (const item of client.eachIssuer()) seen.push(item);
    expect(seen).toEqual([]);
  });
});

describe('the address', () => {
  it.each([
    'http://certplane.example.com',
    'https://a:b@certplane.example.com',
    'https://x/?a=b',
    'https://x/#a',
    'certplane',
  ])('is not %s', (url) => {
    expect(() => new CertplaneClient({ url })).toThrow(TypeError);
  });

  it('may have a path before that of the interface', async () => {
    const transport = new FakeTransport([{}]);
    await new CertplaneClient({ url: 'https://example.com/pki/', transport }).whoami();
    expect(transport.requests[0]?.url).toBe('https://example.com/pki/api/v1/whoami');
    expect(transport.requests[0]?.headers).not.toHaveProperty('authorization');
  });
});
