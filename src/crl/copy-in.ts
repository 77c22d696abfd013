import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Tx } from '../platform/database/transaction.js';
import { COPY_SIGNATURE } from './copy-binary-reader.js';

/** A value in PostgreSQL's binary form. */
type Value = Uint8Array;

const HEADER = Buffer.concat([COPY_SIGNATURE, Buffer.alloc(8)]);
const TRAILER = Buffer.of(0xff, 0xff);

export const textValue = (text: string): Value => Buffer.from(text);

export function smallintValue(value: number): Value {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function integerValue(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function bigintValue(value: bigint): Value {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

/**
 * Inserts rows in a transaction. As parameters of a statement the driver would copy long values several times.
 * @param target a table and its columns
 */
export async function copyIn(tx: Tx, target: string, rows: Iterable<readonly Value[]>): Promise<void> {
  // The connection that the transaction runs on.
  const client = (await tx.queryRunner?.connect()) as PoolClient;
  await pipeline(
    Readable.from(written(rows), { objectMode: false }),
    client.query(copyFrom(`COPY ${target} FROM STDIN (FORMAT binary)`)),
  );
}

function* written(rows: Iterable<readonly Value[]>): Generator<Uint8Array> {
  yield HEADER;
  for (const row of rows) {
    yield smallintValue(row.length);
    for (const value of row) {
      yield integerValue(value.length);
      yield value;
    }
  }
  yield TRAILER;
}
