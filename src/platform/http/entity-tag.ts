import { createHash } from 'node:crypto';
import {
  applyDecorators,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { map, type Observable } from 'rxjs';
import { DomainError } from '../errors/domain-error.js';
import { matchesEtag } from './public-answer.js';

/** Where the document keeps that a route answers with an entity tag. */
export const TAGGED = 'x-entity-tag';

/** The strong entity tag of a representation (RFC 9110 section 8.8.3): it changes whenever what is shown does. */
export function entityTagOf(representation: unknown): string {
  const digest = createHash('sha256').update(JSON.stringify(representation)).digest('base64url');
  return `"${digest.slice(0, 22)}"`;
}

/**
 * Holds an update against the If-Match of its request (RFC 9110 section 13.1.1); without one it goes on.
 * @param current what is there now, as it is shown, read with a lock in the transaction of the update
 * @throws DomainError precondition_failed
 */
export function requireMatch(ifMatch: string | undefined, current: unknown): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tag = entityTagOf(current);
  if (ifMatch.split(',').some((each) => each.trim() === tag)) return;
  throw new DomainError(
    'precondition_failed',
    'It was changed since you read it: read it again, and send the new ETag in If-Match.',
  );
}

/** Sends the ETag of what a route shows; a GET that has it already is answered 304. */
@Injectable()
class EntityTagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return next.handle().pipe(
      map((shown: unknown) => {
        const tag = entityTagOf(shown);
        if (isRead) requireMatch(request.headers['if-match'], shown);
        response.setHeader('ETag', tag);
        if (!isRead || !matchesEtag(request, tag)) return shown;
        response.status(304);
        return undefined;
      }),
    );
  }
}

/**
 * A route that shows what can be updated, or updates it: its answer has an ETag. An update also calls {@link requireMatch} with
 * `@Headers('if-match')`.
 */
export const Tagged = (): MethodDecorator =>
  applyDecorators(UseInterceptors(EntityTagInterceptor), ApiExtension(TAGGED, true));
