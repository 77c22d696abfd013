import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import { lastValueFrom, from, type Observable } from 'rxjs';
import { DomainError } from '../platform/errors/domain-error.js';
import { callerOf, makeIdempotent } from '../platform/http/caller.js';
import { fromKeptAnswer, toKeptAnswer } from './idempotency-answer.js';
import { IdempotencyStore, type CallId, type StoredAnswer } from './idempotency-store.js';

const WELL_FORMED = /^[\x21-\x7e]{1,255}$/;
const WAIT_MS = 30_000;
const POLL_MS = 100;
const RENEWAL_MS = 3000;

/**
 * Idempotency-Key on every POST: the first call acts, those that repeat it get its answer, at whichever instance. A refusal
 * is not kept: after it the same key may be tried again.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly store: IdempotencyStore) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined) return next.handle();
    if (typeof key !== 'string' || !WELL_FORMED.test(key)) {
      const message = 'must be 1 to 255 printable ASCII characters without spaces';
      throw new DomainError('invalid_request', `Idempotency-Key: ${message}`, [{ field: 'Idempotency-Key', message }]);
    }
    return from(this.answer({ actor: callerOf(request).actor, key }, request, http.getResponse<Response>(), next));
  }

  private async answer(id: CallId, request: Request, response: Response, next: CallHandler): Promise<unknown> {
    const kept = await this.claim(id, request);
    if (kept === null) return this.act(id, request, response, next);
    response.status(kept.status).setHeader('Idempotency-Replayed', 'true');
    return fromKeptAnswer(kept.answer);
  }

  /** The kept answer; or null when it is for this instance to act. Waits for another that is at it. */
  private async claim(id: CallId, request: Request): Promise<StoredAnswer | null> {
    const what = JSON.stringify([request.method, request.originalUrl, request.body]);
    for (const end = performance.now() + WAIT_MS; ;) {
      const claim = await this.store.claim(id, what);
      if (claim === 'taken') return null;
      if (claim !== 'busy') return claim;
      if (performance.now() > end) throw inProgress();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  private async act(id: CallId, request: Request, response: Response, next: CallHandler): Promise<unknown> {
    let stored = false;
    makeIdempotent(request, {
      store: async (tx, status, body) => {
        if (!(await this.store.store(id, status, await toKeptAnswer(body), tx))) throw inProgress();
        stored = true;
      },
    });
    const renewal = setInterval(() => void this.store.renew(id).catch(() => undefined), RENEWAL_MS);
    try {
      const answer = await toKeptAnswer(await lastValueFrom(next.handle()));
      if (!stored) await this.store.store(id, response.statusCode, answer);
      return fromKeptAnswer(answer);
    } catch (error) {
      // What could not be told from a success may have left its answer: then nothing is released.
      await this.store.release(id).catch(() => undefined);
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }
}

function inProgress(): DomainError {
  return new DomainError(
    'idempotency_in_progress',
    'The first call with this Idempotency-Key is still at work. Wait a moment and repeat it.',
    [],
    { retryAfterSeconds: 2 },
  );
}
