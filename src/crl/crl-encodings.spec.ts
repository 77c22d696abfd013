import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { formatPem } from '../pki/pem.js';
import { compress, copyOf, encodePem, pemLengthOf } from './crl-encodings.js';

const octets = randomBytes(300_000);

describe('encodePem', () => {
  it.each([1, 2, 3, 47, 48, 49, 63, 64, 95, 96, 97, 1000, 300_000])(
    'encodes %i octets as they should be',
    async (length) => {
      const der = octets.subarray(0, length);
      const pem = Buffer.concat(await encodePem([der])).toString();
      expect(pem).toBe(formatPem('X509 CRL', der));
      expect(pemLengthOf(length)).toBe(pem.length);
    },
  );

  it.each([[[100_000, 200_000]], [[1, 1, 1, 299_997]], [[47, 2, 0, 299_951]], [[48, 299_952]], [[299_999, 1]]])(
    'makes the same of chunks of %j',
    async (lengths) => {
      let at = 0;
      const chunks = lengths.map((length) => octets.subarray(at, (at += length)));
      expect(Buffer.concat(await encodePem(chunks)).toString()).toBe(formatPem('X509 CRL', octets));
    },
  );
});

describe('compress', () => {
  it('makes what gunzip reads, and holds no more memory than its bytes', async () => {
    const chunks = [octets.subarray(0, 1000), octets.subarray(1000, 150_000), octets.subarray(150_000)];
    const packed = await compress([...chunks, ...chunks]);
    expect(gunzipSync(Buffer.concat(packed)).equals(Buffer.concat([octets, octets]))).toBe(true);
    for (const part of packed) expect(part.buffer.byteLength).toBe(part.length);
  });
});

describe('copyOf', () => {
  it('is a copy in a memory of its own', () => {
    const copy = copyOf(octets.subarray(10, 20));
    expect(copy.equals(octets.subarray(10, 20))).toBe(true);
    expect(copy.buffer.byteLength).toBe(10);
  });
});
