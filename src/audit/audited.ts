import { Injectable, SetMetadata, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { catchError, from, mergeMap, throwError, type Observable } from 'rxjs';
import { Transactions } from '../platform/database/transaction.js';
import { callerOf } from '../platform/http/caller.js';
import { problemOf } from '../platform/http/problem.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import type { AuditAction } from './audit-action.js';
import { AuditService, type AuditRecord } from './audit.service.js';

const AUDITED = 'certplane:audited';
/** What somebody wrote into a path and was refused for may be anything; the database takes no NUL. */
const STORABLE_ID = /^[\x21-\x7e]{1,100}$/;

/** What the refusal of a call is that changes nothing by itself. */
const REFUSED_ACCESS: Audited = { action: 'access.refuse', subjectType: 'route' };

interface Audited {
  readonly action: AuditAction;
  readonly subjectType: AuditRecord['subjectType'];
}

/** Marks a mutating route. Its service records success in its own transaction; a refusal is recorded by {@link RefusalAuditor}. */
export const Audit = (action: AuditAction, subjectType: AuditRecord['subjectType']): MethodDecorator =>
  SetMetadata(AUDITED, { action, subjectType } satisfies Audited);

/** Records the mutating calls that were refused: who tried what, and the code that said no. */
@Injectable()
export class RefusalAuditor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const audited = this.findAudited(context);
    if (audited === undefined) return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          from(this.recordRefusal(audited, request, error)).pipe(mergeMap(() => throwError(() => error))),
        ),
      );
  }

  /** Records that a guard refused this call: guards stand in front of {@link intercept}. Never rejects. */
  record(context: ExecutionContext, error: unknown): Promise<void> {
    const request = context.switchToHttp().getRequest<Request>();
    return this.recordRefusal(this.findAudited(context) ?? REFUSED_ACCESS, request, error);
  }

  private findAudited(context: ExecutionContext): Audited | undefined {
    return this.reflector.get<Audited | undefined>(AUDITED, context.getHandler());
  }

  private async recordRefusal(audited: Audited, request: Request, error: unknown): Promise<void> {
    const { code } = problemOf(error);
    const subjectId = request.params['id'] ?? request.params['issuer_id'];
    try {
      await this.transactions.run((tx) =>
        this.audit.record(tx, callerOf(request), {
          ...audited,
          outcome: 'refused',
          subjectId: typeof subjectId === 'string' && STORABLE_ID.test(subjectId) ? subjectId : null,
          details: { code, ...(audited === REFUSED_ACCESS ? routeOf(request) : {}) },
        }),
      );
    } catch (failure) {
      this.logger.error({ err: failure, action: audited.action, code }, 'a refusal could not be recorded');
    }
  }
}

/** The route as it is declared, not the path, which anybody may write what they like into. */
function routeOf(request: Request): { readonly method: string; readonly route: string } {
  return { method: request.method, route: (request.route as { path: string }).path };
}
