import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { PresignBatch, type SignedBatch } from './presign-batch.js';
import type { PresignProgress } from './presign-progress.js';
import { PresignQueue, WALK_START, type PresignRow } from './presign-queue.js';
import { PresignWriter } from './presign-writer.js';

/** Looked up at once. */
const PAGE = 4000;
/** Stored at once: while one batch is stored, the next is signed. */
const BATCH = 1000;

/** An issuer whose responses are to be signed by a new responder. */
export interface Renewal {
  readonly issuerId: string;
  readonly responderId: string;
  /** When the new responder took over. */
  readonly since: Date;
}

/** What to sign, and what to do with the rows that were not. */
interface Work {
  /**
   * The next rows.
   * @param last of the rows before, null at first
   * @param pending those of them that are still being signed or stored, and must not come again
   */
  next(last: PresignRow | null, pending: readonly PresignRow[]): Promise<PresignRow[]>;
  /** @returns how many are out of the way now */
  postpone(rows: readonly PresignRow[]): Promise<number>;
}

/**
 * Signs what is to be signed, from its first row to its last. What a crash leaves undone is still due: the queue is the
 * table itself.
 */
@Injectable()
export class PresignPass {
  constructor(
    private readonly queue: PresignQueue,
    private readonly batch: PresignBatch,
    private readonly writer: PresignWriter,
    private readonly clock: Clock,
  ) {}

  /** Signs all that is due, most overdue first, and removes what belongs to expired certificates. */
  async signDue(progress: PresignProgress, stopped: () => boolean): Promise<void> {
    const next: Work['next'] = async (last, pending) => {
      const again = new Set(pending.filter((row) => row.refresh_at === last?.refresh_at).map(keyOf));
      const since = last?.refresh_at ?? '-infinity';
      const page = await this.queue.findDue(this.clock.now(), since, PAGE + again.size);
      return page.filter((row) => !again.has(keyOf(row)));
    };
    await this.signAll({ next, postpone: (rows) => this.queue.pushBack(rows, this.clock.now()) }, progress, stopped);
  }

  /** Where responses are not signed in advance, only removes what belongs to expired certificates. */
  async removeExpired(progress: PresignProgress, stopped: () => boolean): Promise<void> {
    for (let removed = BATCH; removed === BATCH && !stopped();) {
      removed = await this.queue.removeExpired(this.clock.now(), BATCH);
      progress.addRemoved(removed);
    }
  }

  /**
   * Signs anew what an issuer's earlier responders signed. The earlier responses are served until each is replaced.
   * @returns false when it was stopped before the end
   */
  async renew({ issuerId, since }: Renewal, progress: PresignProgress, stopped: () => boolean): Promise<boolean> {
    const next: Work['next'] = (last) => {
      const position = last === null ? WALK_START : { serialNumber: last.serial_number, algorithm: last.algorithm };
      return this.queue.findMadeBefore(issuerId, { before: since, now: this.clock.now() }, position, PAGE);
    };
    // What fails holds as long as it did: it is tried again when it is due.
    await this.signAll({ next, postpone: (rows) => Promise.resolve(rows.length) }, progress, stopped);
    return !stopped();
  }

  private async signAll(work: Work, progress: PresignProgress, stopped: () => boolean): Promise<void> {
    let page = await work.next(null, []);
    for (let last = page.at(-1); last !== undefined && !stopped(); last = page.at(-1)) {
      const from = last;
      let following = Promise.resolve<PresignRow[]>([]);
      const expired = page.filter((row) => row.expired);
      const removed = expired.length === 0 ? 0 : await this.queue.remove(expired);
      progress.addRemoved(removed);
      const current = page.filter((row) => !row.expired);
      const settled = await this.signPage(current, work, progress, stopped, (pending) => {
        following = work.next(from, pending);
        // Awaited when the page is done; until then nobody else looks.
        following.catch(() => undefined);
      });
      page = await following;
      // Somebody else is at work on every one of them.
      if (removed + settled === 0) return;
    }
  }

  /**
   * @param nearEnd called with what is not stored yet, in time to look up the next page meanwhile
   * @returns how many rows are out of the way
   */
  private async signPage(
    rows: readonly PresignRow[],
    work: Work,
    progress: PresignProgress,
    stopped: () => boolean,
    nearEnd: (pending: readonly PresignRow[]) => void,
  ): Promise<number> {
    const lastBatch = Math.max(0, (Math.ceil(rows.length / BATCH) - 1) * BATCH);
    let settled = 0;
    let writing = Promise.resolve();
    for (let at = 0; at <= lastBatch && !stopped(); at += BATCH) {
      if (at === lastBatch) nearEnd(rows.slice(Math.max(0, at - BATCH)));
      const signed = await this.batch.sign(rows.slice(at, at + BATCH));
      await writing;
      writing = this.write(signed, work, progress).then((count) => void (settled += count));
      writing.catch(() => undefined);
    }
    await writing;
    return settled;
  }

  private async write(signed: SignedBatch, work: Work, progress: PresignProgress): Promise<number> {
    const { stored, refused } = await this.writer.write(signed);
    const failed = [...signed.failed, ...refused];
    progress.addSigned(stored.size);
    progress.addFailures(failed);
    const left = new Set([...failed.map(({ row }) => row), ...signed.rows.filter((row) => !stored.has(row))]);
    const postponed = left.size === 0 ? 0 : await work.postpone([...left]);
    await progress.tell();
    return stored.size + postponed;
  }
}

function keyOf({ issuer_id: issuerId, serial_number: serialNumber, algorithm }: PresignRow): string {
  return `${issuerId}:${serialNumber}:${algorithm}`;
}
