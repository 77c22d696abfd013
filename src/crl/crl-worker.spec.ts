import { createHash } from 'node:crypto';
import { MessageChannel } from 'node:worker_threads';
import { parseCrl, type ParsedCrl } from '../pki/crl-parser.js';
import { distinguishedNameFromText } from '../pki/distinguished-name.js';
import type { Signer } from '../pki/signer.js';
import { generateLocalSigner } from '../pki/testing/local-signer.js';
import { run, type CrlTask, type CrlTaskResult, type RowsMessage } from './crl-worker.js';

const signer = generateLocalSigner('ecdsa-p256');
const REMOVED_AT = 1_700_000_000;

/** Values of a row: serial number, seconds, code of the reason, seconds. */
type Row = readonly [serialNumber: string | null, revokedAt: number | null, reason?: number, invalidityDate?: number];

const int = (value: number, bytes: 2 | 4): Buffer => {
  const written = Buffer.alloc(bytes);
  written.writeIntBE(value, 0, bytes);
  return written;
};
const long = (value: number): Buffer => {
  const written = Buffer.alloc(8);
  written.writeBigInt64BE(BigInt(value));
  return written;
};
const field = (value: Buffer | null): Buffer =>
  value === null ? int(-1, 4) : Buffer.concat([int(value.length, 4), value]);

function copied(rows: readonly Row[], ending = int(-1, 2)): Buffer {
  const written = rows.map(([serialNumber, revokedAt, reason, invalidityDate]) =>
    Buffer.concat([
      int(4, 2),
      field(serialNumber === null ? null : Buffer.from(serialNumber, 'hex')),
      field(revokedAt === null ? null : long(revokedAt)),
      field(reason === undefined ? null : int(reason, 4)),
      field(invalidityDate === undefined ? null : long(invalidityDate)),
    ]),
  );
  return Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8), ...written, ending]);
}

/** Runs the job, which is sent these messages. */
async function runWith(
  messages: readonly RowsMessage[],
  fields: Partial<CrlTask['fields']> = {},
  by: Signer = signer,
): Promise<CrlTaskResult> {
  const { port1, port2 } = new MessageChannel();
  for (const message of messages) port1.postMessage(message);
  try {
    return await run(by, {
      fields: {
        issuerDer: distinguishedNameFromText('CN=CA').der,
        authorityKeyIdentifier: Buffer.of(1, 2),
        crlNumber: 9n,
        thisUpdate: new Date('2026-01-01T00:00:00Z'),
        nextUpdate: new Date('2026-01-05T00:00:00Z'),
        ...fields,
      },
      rows: port2,
      removedAt: REMOVED_AT,
      publicKey: signer.publicKey,
    });
  } finally {
    port1.close();
  }
}

function read({ memory, start, end, sha256 }: CrlTaskResult): ParsedCrl {
  const der = memory.subarray(start, end);
  expect(Buffer.from(sha256)).toEqual(createHash('sha256').update(der).digest());
  return parseCrl(der);
}

const entriesOf = (crl: ParsedCrl): unknown[] =>
  [...crl.entries()].map(({ serialNumber, revokedAt, reason, invalidityDate }) => [
    serialNumber.toString('hex'),
    revokedAt.getTime() / 1000,
    reason,
    invalidityDate === null ? null : invalidityDate.getTime() / 1000,
  ]);

describe('the job that builds a CRL', () => {
  it('makes an entry of each row, however the stream is cut', async () => {
    const stream = copied([
      ['01', 1_600_000_000, 1, 1_500_000_000],
      ['80ff', 1_600_000_001, 0],
      ['7f', 2_600_000_000, 4],
    ]);
    for (const size of [1, 7, stream.length]) {
      const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, at) =>
        stream.subarray(at * size, (at + 1) * size),
      );
      const result = await runWith([...pieces, 'end']);
      expect(result).toMatchObject({ entryCount: 3, badRows: null });
      expect(entriesOf(read(result))).toEqual([
        ['01', 1_600_000_000, 'keyCompromise', 1_500_000_000],
        ['80ff', 1_600_000_001, 'unspecified', null],
        ['7f', 2_600_000_000, 'superseded', null],
      ]);
    }
  });

  it('makes an entry that takes a certificate off the base of what is not revoked', async () => {
    const result = await runWith([copied([['0a', null]]), 'end'], { baseCrlNumber: 3n });
    expect(entriesOf(read(result))).toEqual([['0a', REMOVED_AT, 'removeFromCRL', null]]);
  });

  it('keeps an entry whose reason or invalidity date can not be told, and leaves out and counts what makes none', async () => {
    const result = await runWith([
      copied([
        ['01', 1_600_000_000, 99],
        ['02', 1_600_000_000, 8],
        ['03', 1_600_000_000, 5, -99_999_999_999],
        ['04', -99_999_999_999, 5],
        [null, 1_600_000_000, 5],
        ['00', 1_600_000_000, 5],
        ['05', 1_600_000_000, 5],
      ]),
      'end',
    ]);
    expect(entriesOf(read(result))).toEqual([
      ['01', 1_600_000_000, 'unspecified', null],
      ['02', 1_600_000_000, 'unspecified', null],
      ['03', 1_600_000_000, 'cessationOfOperation', null],
      ['05', 1_600_000_000, 'cessationOfOperation', null],
    ]);
    expect(result.badRows).toEqual({ count: 3, error: 'a time must lie in the years 0 to 9999' });
  });

  it('builds nothing of rows that broke off', async () => {
    const whole = copied([['01', 1_600_000_000, 1]]);
    await expect(runWith([whole, 'broken'])).rejects.toThrow('the rows broke off');
    await expect(runWith([whole.subarray(0, -2), 'end'])).rejects.toThrow('broke off');
    await expect(runWith([Buffer.from('no rows at all, but some text'), 'end'])).rejects.toThrow('not a binary COPY');
    await expect(runWith(['end'])).rejects.toThrow('broke off');
  });

  it('builds nothing when the other end is gone', async () => {
    const { port1, port2 } = new MessageChannel();
    const built = run(signer, { rows: port2 } as CrlTask);
    port1.close();
    await expect(built).rejects.toThrow('the rows broke off');
  });

  it('hands out nothing that another key has signed', async () => {
    await expect(runWith([copied([]), 'end'], {}, generateLocalSigner('ecdsa-p256'))).rejects.toThrow(
      'the signed CRL is not what was planned: signature',
    );
  });
});
