import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { SecretBox } from '../keys/secret-box.js';
import { Clock } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { KeptAnswer } from './idempotency-answer.js';

/** Longer than the pause between two renewals by far; a call of a process that died is taken over after so long. */
const LOCK_SECONDS = 10;

export interface CallId {
  readonly actor: string;
  readonly key: string;
}

export interface StoredAnswer {
  readonly status: number;
  readonly answer: KeptAnswer;
}

/** `taken`: it is for this instance to do. `busy`: another is at it. */
export type Claim = 'taken' | 'busy' | StoredAnswer;

interface Row {
  request_sha256: Buffer;
  status: number | null;
  wrapped_answer: Buffer | null;
}

/** The calls that were made under an Idempotency-Key, and their answers. */
@Injectable()
export class IdempotencyStore {
  constructor(
    private readonly dataSource: DataSource,
    private readonly secretBox: SecretBox,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError idempotency_key_reused when the key stands for another request */
  async claim(id: CallId, request: string): Promise<Claim> {
    const requestSha256 = createHash('sha256').update(request).digest();
    const claimed: unknown[] = await this.dataSource.query(
      `INSERT INTO idempotency_keys AS k (actor, key, request_sha256, created_at, locked_until)
       VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 second')
       ON CONFLICT (actor, key) DO UPDATE SET locked_until = excluded.locked_until
         WHERE k.request_sha256 = excluded.request_sha256 AND k.status IS NULL AND k.locked_until < clock_timestamp()
       RETURNING 1`,
      [id.actor, id.key, requestSha256, this.clock.now(), LOCK_SECONDS],
    );
    if (claimed.length > 0) return 'taken';
    const [row] = await this.dataSource.query<Row[]>(
      'SELECT request_sha256, status, wrapped_answer FROM idempotency_keys WHERE actor = $1 AND key = $2',
      [id.actor, id.key],
    );
    // The one that had it was refused a moment ago.
    if (row === undefined) return 'busy';
    if (!row.request_sha256.equals(requestSha256)) {
      throw new DomainError(
        'idempotency_key_reused',
        'This Idempotency-Key was sent with another request. Make a new key for each request.',
      );
    }
    if (row.status === null || row.wrapped_answer === null) return 'busy';
    return { status: row.status, answer: this.unwrap(id, row.wrapped_answer) };
  }

  /** While the call is at work. */
  async renew({ actor, key }: CallId): Promise<void> {
    await this.dataSource.query(
      `UPDATE idempotency_keys SET locked_until = clock_timestamp() + $3 * interval '1 second'
        WHERE actor = $1 AND key = $2 AND status IS NULL`,
      [actor, key, LOCK_SECONDS],
    );
  }

  /** False when an answer is there already. @param manager an open transaction, or none */
  async store(id: CallId, status: number, answer: KeptAnswer, manager?: EntityManager): Promise<boolean> {
    const [, count] = await (manager ?? this.dataSource.manager).query<[unknown, number]>(
      `UPDATE idempotency_keys SET status = $3, wrapped_answer = $4, locked_until = NULL
        WHERE actor = $1 AND key = $2 AND status IS NULL`,
      [id.actor, id.key, status, this.secretBox.seal(Buffer.from(JSON.stringify(answer)), contextOf(id))],
    );
    return count === 1;
  }

  /** After a refusal: the key may be used again. Does nothing once an answer is there. */
  async release({ actor, key }: CallId): Promise<void> {
    await this.dataSource.query('DELETE FROM idempotency_keys WHERE actor = $1 AND key = $2 AND status IS NULL', [
      actor,
      key,
    ]);
  }

  async prune(before: Date): Promise<void> {
    await this.dataSource.query('DELETE FROM idempotency_keys WHERE created_at < $1', [before]);
  }

  private unwrap(id: CallId, wrapped: Buffer): KeptAnswer {
    return JSON.parse(this.secretBox.open(wrapped, contextOf(id)).toString('utf8')) as KeptAnswer;
  }
}

function contextOf({ actor, key }: CallId): string {
  return `idempotency:${actor}:${key}`;
}
