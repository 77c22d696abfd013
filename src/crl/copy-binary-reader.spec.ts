import { CopyBinaryReader, type CopyRow } from './copy-binary-reader.js';

type Row = (string | null)[];

const int16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const header = (extension = Buffer.alloc(0)) =>
  Buffer.concat([SIGNATURE, int32(0), int32(extension.length), extension]);
const field = (value: string | null) =>
  value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]);
const row = (fields: Row) => Buffer.concat([int16(fields.length), ...fields.map(field)]);

const ROWS: Row[] = [['ab', null, ''], [], ['', 'longer than the others'], [null], ['x'.repeat(1500), 'y'], ['z']];
const STREAM = Buffer.concat([header(), ...ROWS.map(row), int16(-1)]);

function read(chunks: Buffer[]): { rows: Row[]; complete: boolean } {
  const reader = new CopyBinaryReader();
  const rows: Row[] = [];
  const onRow = (each: CopyRow) =>
    rows.push(Array.from({ length: each.columns }, (_, column) => each.bytes(column)?.toString() ?? null));
  for (const chunk of chunks) reader.push(chunk, onRow);
  return { rows, complete: reader.complete };
}

const cut = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );

describe('CopyBinaryReader', () => {
  it('reads the same rows however the stream is cut', () => {
    for (let size = 1; size <= STREAM.length; size++)
      expect(read(cut(STREAM, size))).toEqual({ rows: ROWS, complete: true });
    for (let at = 0; at <= STREAM.length; at++) {
      expect(read([STREAM.subarray(0, at), Buffer.alloc(0), STREAM.subarray(at)])).toEqual({
        rows: ROWS,
        complete: true,
      });
    }
  });

  it('is not complete before the trailer, and gives no half row', () => {
    for (let length = 0; length < STREAM.length; length++) {
      const { rows, complete } = read([STREAM.subarray(0, length)]);
      expect(complete).toBe(false);
      expect(rows).toEqual(ROWS.slice(0, rows.length));
    }
  });

  it('reads a stream without rows', () => {
    expect(read([Buffer.concat([header(), int16(-1)])])).toEqual({ rows: [], complete: true });
  });

  it('skips a header extension, also one that comes in pieces', () => {
    const stream = Buffer.concat([header(Buffer.alloc(10, 0x7f)), row(['x']), int16(-1)]);
    for (let size = 1; size <= stream.length; size++) {
      expect(read(cut(stream, size))).toEqual({ rows: [['x']], complete: true });
    }
  });

  it('reads integers of both widths', () => {
    const int64 = (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(value);
      return bytes;
    };
    const values = [int32(-7), int32(2 ** 31 - 1), int64(-62_167_219_200n), int64(253_402_300_799n), int64(-1n)];
    const parts = values.flatMap((value) => [int32(value.length), value]);
    const reader = new CopyBinaryReader();
    const integers: (number | null)[] = [];
    reader.push(Buffer.concat([header(), int16(values.length + 1), ...parts, int32(-1)]), (each) => {
      for (let column = 0; column <= each.columns; column++) integers.push(each.integer(column));
    });
    expect(integers).toEqual([-7, 2 ** 31 - 1, -62_167_219_200, 253_402_300_799, -1, null, null]);
    expect(() => reader.push(row(['abc']), (each) => each.integer(0))).toThrow('an integer of 3 bytes');
  });

  it('refuses what is no binary COPY', () => {
    expect(() => read([Buffer.from('1\tab\tsome text that is long enough\n')])).toThrow('not a binary COPY stream');
  });
});
