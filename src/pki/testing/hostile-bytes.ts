import * as fc from 'fast-check';

/** Every proper prefix, the empty one first. */
export function* prefixesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.subarray(0, length);
}

/** The bytes with one bit turned, for every bit. */
export function* bitFlipsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield flipped;
  }
}

/** The bytes with a few stretches replaced, taken out or put in. */
export function mutationsOf(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.nat({ max: bytes.length }),
    removed: fc.nat({ max: 6 }),
    inserted: fc.uint8Array({ maxLength: 6 }),
  });
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) =>
    edits.reduce<Uint8Array>((mutant, { at, removed, inserted }) => {
      const start = Math.min(at, mutant.length);
      return Uint8Array.from([...mutant.subarray(0, start), ...inserted, ...mutant.subarray(start + removed)]);
    }, bytes),
  );
}

/** How many of the inputs the parser takes. Whatever it throws, other than the documented error, comes out of here. */
export function countAccepted(
  inputs: Iterable<Uint8Array>,
  parse: (bytes: Uint8Array) => unknown,
  isDocumented: (error: unknown) => boolean,
): number {
  let accepted = 0;
  for (const input of inputs) {
    try {
      parse(input);
      accepted += 1;
    } catch (error) {
      if (!isDocumented(error)) throw error;
    }
  }
  return accepted;
}

/** Inputs that have nothing to do with the format, but with how DER readers break. */
export const MALFORMED: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', Buffer.alloc(0)],
  ['a single zero', Buffer.alloc(1)],
  ['a thousand zeros', Buffer.alloc(1000)],
  ['a thousand octets of 0xff', Buffer.alloc(1000, 0xff)],
  ['an indefinite length', Buffer.from('3080300030000000', 'hex')],
  ['a length of five octets', Buffer.from('308500000000023000', 'hex')],
  ['a length of 127 octets', Buffer.from('30ff', 'hex')],
  ['a length of 4 GiB', Buffer.from('3084ffffffff3000', 'hex')],
  ['a length beyond a signed integer', Buffer.from('3084800000003000', 'hex')],
  ['a tag alone', Buffer.from('30', 'hex')],
  ['a high tag number', Buffer.from('3f8101023000', 'hex')],
  ['3,000 nested sequences', nested(3000)],
];

/** The DER with the length of its outermost element written in one octet more than needed. */
export function withLongerLength(der: Uint8Array): Buffer {
  const first = der[1] ?? 0;
  const [octets, header] =
    first < 0x80 ? [[0x81, first], 2] : [[first + 1, 0, ...der.subarray(2, 2 + (first & 0x7f))], 2 + (first & 0x7f)];
  return Buffer.from([der[0] ?? 0, ...octets, ...der.subarray(header)]);
}

function nested(depth: number): Buffer {
  const headers: number[][] = [];
  for (let length = 0, i = 0; i < depth; i++) {
    const header =
      length < 0x80 ? [0x30, length] : length < 0x100 ? [0x30, 0x81, length] : [0x30, 0x82, length >> 8, length & 0xff];
    headers.unshift(header);
    length += header.length;
  }
  return Buffer.from(headers.flat());
}
