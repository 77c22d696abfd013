import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { PresignBatch, type SignedBatch } from './presign-batch.js';
import type { PresignProgress } from './presign-progress.js';
import { PresignQueue, WALK_START, type PresignRow } from './presign-queue.js';
import { PresignWriter } from './presign-writer.js';

/** Looked up at once. */
const PAGE = 1000;
/** Signed and stored at once: while one batch is stored, the next is signed. */
const BATCH = 500;
/** So many rows that are due at the same time and that somebody else has locked are stepped over to reach others. */
const MOST_TAKEN = 50_000;

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
   * @param taken rows that came already, and may still be due
   */
  readonly next: (last: PresignRow | null, taken: ReadonlySet<PresignRow>) => Promise<PresignRow[]>;
  /** @returns how many are out of the way now */
  readonly postpone: (rows: readonly PresignRow[]) => Promise<number>;
}

/** What a pass has to do with, and where it stands. */
interface Run extends Work {
  readonly taken: Set<PresignRow>;
  readonly progress: PresignProgress;
  readonly stopped: () => boolean;
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
    const next: Work['next'] = (last, taken) => {
      const since = last?.refresh_at ?? '-infinity';
      const except = [...taken].filter((row) => row.refresh_at === since);
      if (except.length > MOST_TAKEN) return Promise.resolve([]);
      return this.queue.findDue(this.clock.now(), since, except, PAGE);
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

  /** Looks up, signs and stores at the same time; two batches are under way at the most. */
  private async signAll(work: Work, progress: PresignProgress, stopped: () => boolean): Promise<void> {
    const run: Run = { ...work, taken: new Set(), progress, stopped };
    let earlier = Promise.resolve();
    let latest = Promise.resolve();
    for await (const rows of this.batches(run)) {
      const signing = this.batch.sign(rows);
      const writing = latest.then(async () => this.write(await signing, run));
      // Awaited below; until then nobody else looks.
      writing.catch(() => undefined);
      await earlier;
      [earlier, latest] = [latest, writing];
    }
    await latest;
  }

  private async *batches(run: Run): AsyncGenerator<PresignRow[]> {
    for await (const page of this.pages(run)) {
      const expired = page.filter((row) => row.expired);
      if (expired.length > 0) await this.remove(expired, run);
      const current = page.filter((row) => !row.expired);
      for (let at = 0; at < current.length && !run.stopped(); at += BATCH) yield current.slice(at, at + BATCH);
    }
  }

  /** Looks up each page while the one before it is signed. */
  private async *pages({ next, taken, stopped }: Run): AsyncGenerator<PresignRow[]> {
    let page = await next(null, taken);
    for (let last = page.at(-1); last !== undefined && !stopped(); last = page.at(-1)) {
      for (const row of page) taken.add(row);
      const following = next(last, taken);
      // Awaited below; until then nobody else looks.
      following.catch(() => undefined);
      yield page;
      page = await following;
    }
  }

  private async remove(expired: readonly PresignRow[], { taken, progress }: Run): Promise<void> {
    const removed = await this.queue.remove(expired);
    progress.addRemoved(removed);
    if (removed === expired.length) for (const row of expired) taken.delete(row);
  }

  private async write(signed: SignedBatch, { taken, progress, postpone }: Run): Promise<void> {
    const { stored, overtaken, refused } = await this.writer.write(signed);
    const failed = [...signed.failed, ...refused];
    progress.addSigned(stored.length);
    progress.addFailures(failed);
    for (const row of stored) taken.delete(row);
    const left = [...overtaken, ...failed.map(({ row }) => row)];
    const postponed = left.length === 0 ? 0 : await postpone(left);
    if (postponed === left.length) for (const row of left) taken.delete(row);
    await progress.tell();
  }
}
