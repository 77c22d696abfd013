import fc from 'fast-check';
import { decodeBase64Path } from './base64-path.js';

/** Every writing that clients send. */
const writings = (bytes: Uint8Array): string[] => {
  const base64 = Buffer.from(bytes).toString('base64');
  return [
    base64,
    base64.replace(/=+$/, ''),
    encodeURIComponent(base64),
    encodeURIComponent(base64).toLowerCase() === encodeURIComponent(base64) ? base64 : lowerCaseEscapes(base64),
    [...base64].map((character) => `%${character.charCodeAt(0).toString(16)}`).join(''),
    Buffer.from(bytes).toString('base64url'),
    base64.replaceAll('+', ' '),
    base64.replaceAll('+', '%20'),
  ];
};

function lowerCaseEscapes(base64: string): string {
  return encodeURIComponent(base64).replaceAll(/%../g, (escaped) => escaped.toLowerCase());
}

it('reads every writing of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
      for (const path of writings(bytes)) expect(decodeBase64Path(path)).toEqual(Buffer.from(bytes));
    }),
  );
});

it.each([
  '',
  '=',
  '====',
  'M',
  'MAAAA',
  'MA=A',
  'MA*=',
  'MA%',
  'MA%3',
  'MA%zz',
  'MA%C3%A9',
  'MAé',
  'M\u0000A=',
  'MA/é',
  '%',
])('finds none in %j', (path) => {
  expect(decodeBase64Path(path)).toBeNull();
});

it('is what decoding the path and then its base64 gives', () => {
  const characters = fc.constantFrom(...'ABMz019+/-_=% é*', '%2B', '%2f', '%3D', '%20', '%25', '%4d');
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 24 }), (parts) => {
      const path = parts.join('');
      expect(decodeBase64Path(path)).toEqual(decodeInSteps(path));
    }),
    { numRuns: 2000 },
  );
});

function decodeInSteps(path: string): Buffer | null {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return null;
  }
  const base64 = text.replaceAll(' ', '+').replace(/=+$/, '');
  if (!/^[A-Za-z0-9+/_-]+$/.test(base64) || base64.length % 4 === 1) return null;
  return Buffer.from(base64, 'base64');
}
