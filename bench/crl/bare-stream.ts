import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { to } from 'pg-copy-streams';
import { selectRevoked } from '../../src/crl/revoked-certificates.js';
import { ISSUER_ID } from '../ocsp/bench.js';

/**
 * Streams the rows of a complete CRL out of the database, and passes over the bytes of that CRL once: what no CRL can be had
 * without. The pass is SHA-256, which every signature begins with.
 * @returns milliseconds
 */
export async function streamRows(client: Client, crl: Buffer): Promise<number> {
  const select = selectRevoked({ issuerId: ISSUER_ID, kind: 'complete', shard: 0 }, new Date(0));
  const startedMs = performance.now();
  let bytes = 0;
  for await (const piece of client.query(to(`COPY (${select}) TO STDOUT (FORMAT binary)`))) {
    bytes += (piece as Buffer).length;
  }
  if (bytes === 0) throw new Error('there are no rows');
  createHash('sha256').update(crl).digest();
  return performance.now() - startedMs;
}
