import type { PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/**
 * Streams the rows of a query out of the database, in pieces for a CopyBinaryReader. A client whose stream was not read to its
 * end can't be used again.
 * @param silenceMs how long the next piece is waited for: a server that vanished may never say so
 */
export async function* copyOut(client: PoolClient, select: string, silenceMs: number): AsyncGenerator<Buffer, void> {
  const stream = client.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT binary)`));
  const pieces: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const silence = setTimeout(() => stream.destroy(new Error('the database fell silent')), silenceMs);
      const piece = await pieces.next().finally(() => clearTimeout(silence));
      if (piece.done === true) return;
      yield piece.value;
    }
  } finally {
    stream.destroy();
  }
}
