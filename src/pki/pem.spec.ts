import * as fc from 'fast-check';
import { formatPem, listPemLabels, parsePem } from './pem.js';
import { PkiError } from './pki-error.js';

const der = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
const pem = formatPem('CERTIFICATE REQUEST', der);

function errorOf(work: () => unknown): PkiError {
  try {
    work();
  } catch (error) {
    if (error instanceof PkiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('formatPem', () => {
  it('writes lines of 64 characters and ends with a newline', () => {
    const lines = pem.split('\n');
    expect(lines[0]).toBe('-----BEGIN CERTIFICATE REQUEST-----');
    expect(lines.slice(1, -3).every((line) => line.length === 64)).toBe(true);
    expect(lines.slice(-2)).toEqual(['-----END CERTIFICATE REQUEST-----', '']);
  });

  it('comes back byte for byte, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
        expect(parsePem(formatPem('CERTIFICATE', bytes), 'CERTIFICATE')).toEqual([Buffer.from(bytes)]);
      }),
    );
  });

  it('writes a view of a larger buffer without its neighbours', () => {
    expect(parsePem(formatPem('CERTIFICATE', der.subarray(10, 20)), 'CERTIFICATE')).toEqual([der.subarray(10, 20)]);
  });
});

describe('parsePem', () => {
  it.each([
    ['CRLF line ends', pem.replaceAll('\n', '\r\n')],
    ['text around the block', `subject=CN = example\n${pem}\ntrailing words - and a dash --`],
    ['indentation', pem.replaceAll('\n', '\n    ')],
    ['one long line', pem.replaceAll('\n', ' ')],
    ['the older label', pem.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')],
    ['a block with another label before it', formatPem('EC PARAMETERS', Buffer.from([6, 0])) + pem],
  ])('accepts %s', (_name, text) => {
    expect(parsePem(text, 'CERTIFICATE REQUEST')).toEqual([der]);
  });

  it('returns several blocks in order', () => {
    const text = formatPem('CERTIFICATE', Buffer.from([1])) + formatPem('CERTIFICATE', Buffer.from([2]));
    expect(parsePem(text, 'CERTIFICATE')).toEqual([Buffer.from([1]), Buffer.from([2])]);
    expect(listPemLabels(text)).toEqual(['CERTIFICATE', 'CERTIFICATE']);
  });

  it.each([
    ['no block', 'hello', /There is no PEM block "CERTIFICATE REQUEST"\./],
    ['only other blocks', formatPem('CERTIFICATE', der), /only: CERTIFICATE\./],
    ['a block without its end', pem.slice(0, -20), /does not end with/],
    ['an end of another label', pem.replace('END CERTIFICATE REQUEST', 'END CERTIFICATE'), /does not end with/],
    ['a block inside a block', pem.replace('\nA', '\n-----BEGIN CERTIFICATE REQUEST-----\nA'), /does not end with/],
    ['a label that is not one', '-----BEGIN a-----\nAA==\n-----END a-----', /well-formed/],
    ['a begin line that never closes', '-----BEGIN CERTIFICATE REQUEST', /well-formed/],
    ['a character outside base64', pem.replace('AAEC', 'A*EC'), /not valid base64/],
    ['missing padding', '-----BEGIN CERTIFICATE REQUEST-----\nAAA\n-----END CERTIFICATE REQUEST-----', /base64/],
    ['stray bits', '-----BEGIN CERTIFICATE REQUEST-----\nAB==\n-----END CERTIFICATE REQUEST-----', /base64/],
    ['an empty block', '-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----', /empty/],
    ['header lines', pem.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n'), /encrypted PEM/],
    ['more than 64 KiB', pem + ' '.repeat(64 * 1024), /at most 65536/],
    ['more than 16 blocks', pem.repeat(17), /more than 16 blocks/],
  ])('refuses %s', (_name, text, message) => {
    const error = errorOf(() => parsePem(text, 'CERTIFICATE REQUEST'));
    expect(error.code).toBe('invalid_pem');
    expect(error.message).toMatch(message);
  });

  it('keeps to the limits it is given', () => {
    expect(errorOf(() => parsePem(pem + pem, 'CERTIFICATE REQUEST', { bytes: 10_000, blocks: 1 })).message).toMatch(
      /more than 1 blocks/,
    );
    expect(errorOf(() => parsePem(pem, 'CERTIFICATE REQUEST', { bytes: 10, blocks: 1 })).message).toMatch(/at most 10/);
  });

  it('throws nothing but PkiError for any text', () => {
    const pieces = fc.constantFrom('-----BEGIN ', '-----', '-----END ', 'CERTIFICATE REQUEST', '\n', 'AAAA', '=', ':');
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 20 }), (parts) => {
        try {
          parsePem(parts.join(''), 'CERTIFICATE REQUEST');
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
    );
  });
});
