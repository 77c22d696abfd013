import { Injectable } from '@nestjs/common';
import { isDatabaseUnavailable } from '../platform/database/database-error.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import type { PresignFailure, SignedBatch } from './presign-batch.js';
import type { PresignRow } from './presign-queue.js';

type Signed = Pick<SignedBatch, 'responses' | 'bytes'>;

/** What became of signed rows: each is in one of the three. */
export interface Written {
  readonly stored: readonly PresignRow[];
  /** By a revocation, by a newer response, or by somebody who is at work on them right now. */
  readonly overtaken: readonly PresignRow[];
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
  async write(signed: Signed): Promise<Written> {
    const [first, second] = signed.responses;
    if (first === undefined) return { stored: [], overtaken: [], refused: [] };
    try {
      const places = await this.store.storeMany(signed.responses, signed.bytes);
      const rows = signed.responses.map(({ row }) => row);
      if (places.size === 0) return { stored: rows, overtaken: [], refused: [] };
      return {
        stored: rows.filter((_, place) => !places.has(place)),
        overtaken: rows.filter((_, place) => places.has(place)),
        refused: [],
      };
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      if (second !== undefined) return this.writeHalves(signed);
      const reason = error instanceof Error ? error.message : String(error);
      return { stored: [], overtaken: [], refused: [{ row: first.row, reason }] };
    }
  }

  private async writeHalves({ responses, bytes }: Signed): Promise<Written> {
    const half = responses.length >> 1;
    const split = responses.slice(0, half).reduce((total, { byteLength }) => total + byteLength, 0);
    const before = await this.write({ responses: responses.slice(0, half), bytes: bytes.subarray(0, split) });
    const after = await this.write({ responses: responses.slice(half), bytes: bytes.subarray(split) });
    return {
      stored: [...before.stored, ...after.stored],
      overtaken: [...before.overtaken, ...after.overtaken],
      refused: [...before.refused, ...after.refused],
    };
  }
}
