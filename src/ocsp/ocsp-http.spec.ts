import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { OCSP_REQUEST_MAX_BYTES } from '../pki/ocsp-request.js';
import { findGetRequest, findOcspPath, isShortForm, readBody } from './ocsp-http.js';

describe('findOcspPath', () => {
  it.each([
    ['', null, ''],
    ['/', null, ''],
    ['iss-local', 'iss-local', ''],
    ['/iss-local', 'iss-local', ''],
    ['iss-local/', 'iss-local', ''],
    ['iss-local/MEIw', 'iss-local', 'MEIw'],
    ['iss-local//MEIw', 'iss-local', 'MEIw'],
    ['iss-local/ME/w+A==', 'iss-local', 'ME/w+A=='],
    ['iss-local/0a1b', 'iss-local', '0a1b'],
    ['MEIw', null, 'MEIw'],
    ['/MEIw/AAA', null, 'MEIw/AAA'],
    ['MEIw%2FAAA', null, 'MEIw%2FAAA'],
    [`${'a'.repeat(63)}/M`, 'a'.repeat(63), 'M'],
  ])('splits %j into issuer %j and rest %j', (path, issuerId, rest) => {
    expect(findOcspPath(path)).toEqual({ issuerId, rest });
  });

  it.each(['Iss-local/MEIw', 'iss_local', 'iss.local', '..', '%2e%2e/x', 'a'.repeat(64), 'é', 'iss local'])(
    'finds nothing in %j',
    (path) => {
      expect(findOcspPath(path)).toBeNull();
    },
  );

  it('takes a path that holds the longest request in url-encoded base64, and no longer one', () => {
    expect(findOcspPath('M'.repeat(OCSP_REQUEST_MAX_BYTES * 4))).not.toBeNull();
    expect(findOcspPath('M'.repeat(OCSP_REQUEST_MAX_BYTES * 4 + 1))).toBeNull();
  });
});

describe('findGetRequest', () => {
  const bytes = Buffer.from('300000fbefbeffffff', 'hex');
  const base64 = bytes.toString('base64');

  it('is tried with the two characters that differ between the alphabets', () => {
    expect(base64).toMatch(/\+/);
    expect(base64).toMatch(/\//);
  });

  it.each([
    ['plain', base64],
    ['url-encoded', encodeURIComponent(base64)],
    ['in lower-case escapes', encodeURIComponent(base64).replace(/%../g, (escape) => escape.toLowerCase())],
    ['in the url-safe alphabet', bytes.toString('base64url')],
    ['with a space for the plus sign', base64.replaceAll('+', ' ')],
    ['with an encoded space for the plus sign', base64.replaceAll('+', '%20')],
  ])('reads base64 %s', (_, text) => {
    expect(findGetRequest(text)).toEqual(bytes);
  });

  it.each(['MA==', 'MA=', 'MA', 'MA%3D%3D', 'MA%3d'])('reads %s with and without padding', (text) => {
    expect(findGetRequest(text)).toEqual(Buffer.of(0x30));
  });

  it.each(['', '=', '%', '%zz', '%ff', 'M', 'MAAAA', 'MA==MA', 'M~A', 'MA\n', 'MA%00', 'MÄ'])(
    'finds no request in %j',
    (text) => {
      expect(findGetRequest(text)).toBeNull();
    },
  );
});

describe('isShortForm', () => {
  it.each(['0', '0a', 'DEADBEEF', '0xff', '00:ab:CD', 'f'.repeat(64)])('is %s', (text) => {
    expect(isShortForm(text)).toBe(true);
  });

  it.each(['', '0x', 'MEIw', 'abcg', '-1', 'a/b', 'f'.repeat(65), '0a.crl', ' 0a', '0a\n'])('is not %j', (text) => {
    expect(isShortForm(text)).toBe(false);
  });
});

describe('readBody', () => {
  function post(headers: Record<string, string> = {}): { request: PassThrough; body: Promise<Buffer | null> } {
    const request = Object.assign(new PassThrough(), { headers });
    const body = new Promise<Buffer | null>((resolve) => readBody(request as unknown as IncomingMessage, resolve));
    return { request, body };
  }

  it('joins the chunks', async () => {
    const { request, body } = post({ 'content-length': '4' });
    request.write('ab');
    request.end('cd');
    expect(await body).toEqual(Buffer.from('abcd'));
  });

  it('takes an empty body, and one of the greatest length', async () => {
    const empty = post();
    empty.request.end();
    expect(await empty.body).toEqual(Buffer.alloc(0));
    const full = post();
    full.request.end(Buffer.alloc(OCSP_REQUEST_MAX_BYTES));
    expect(await full.body).toHaveLength(OCSP_REQUEST_MAX_BYTES);
  });

  it('gives up a longer one without waiting for its end', async () => {
    const { request, body } = post();
    request.write(Buffer.alloc(OCSP_REQUEST_MAX_BYTES + 1));
    expect(await body).toBeNull();
  });

  it('gives up one that breaks off', async () => {
    const cut = post({ 'content-length': '4' });
    cut.request.write('ab');
    cut.request.destroy();
    expect(await cut.body).toBeNull();
    const broken = post();
    broken.request.destroy(new Error('ECONNRESET'));
    expect(await broken.body).toBeNull();
  });
});
