import { Injectable } from '@nestjs/common';
import { isDatabaseUnavailable } from '../platform/database/database-error.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import type { PresignFailure, SignedBatch } from './presign-batch.js';
import type { PresignRow } from './presign-queue.js';

type SignedRows = Pick<SignedBatch, 'rows' | 'responses' | 'bytes'>;

/** What became of signed rows. Those in neither were overtaken: by a revocation, or by a newer response. */
export interface Written {
  readonly stored: ReadonlySet<PresignRow>;
  readonly refused: readonly PresignFailure[];
}

/** Stores what was signed. */
@Injectable()
export class PresignWriter {
  constructor(private readonly store: OcspResponseStore) {}

  /**
   * A row that the database refuses is searched for by halves: it must not take the others with it.
   * @throws what says that the database can't be reached
   */
  async write(signed: SignedRows): Promise<Written> {
    const { rows, responses, bytes } = signed;
    const [first] = rows;
    if (first === undefined) return { stored: new Set(), refused: [] };
    try {
      const places = await this.store.storeMany(responses, bytes);
      return { stored: new Set(rows.filter((_, place) => places.has(place))), refused: [] };
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      if (rows.length > 1) return this.writeHalves(signed);
      const reason = error instanceof Error ? error.message : String(error);
      return { stored: new Set(), refused: [{ row: first, reason }] };
    }
  }

  private async writeHalves({ rows, responses, bytes }: SignedRows): Promise<Written> {
    const half = rows.length >> 1;
    const split = responses.slice(0, half).reduce((total, { byteLength }) => total + byteLength, 0);
    const before = await this.write({
      rows: rows.slice(0, half),
      responses: responses.slice(0, half),
      bytes: bytes.subarray(0, split),
    });
    const after = await this.write({
      rows: rows.slice(half),
      responses: responses.slice(half),
      bytes: bytes.subarray(split),
    });
    return {
      stored: new Set([...before.stored, ...after.stored]),
      refused: [...before.refused, ...after.refused],
    };
  }
}
