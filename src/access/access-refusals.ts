import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Request } from 'express';
import { AuditService } from '../audit/audit.service.js';
import { Transactions } from '../platform/database/transaction.js';
import type { ErrorCode } from '../platform/errors/domain-error.js';
import { ANONYMOUS, callerOf, type Caller } from '../platform/http/caller.js';
import { RefusedCalls } from '../platform/http/refused-calls.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { readSourceKey } from '../platform/rate-limit/source-key.js';

const FLUSH_MS = 10_000;
const SOURCES_MAX = 256;
/** Those who are too many to be told apart. */
const OTHERS = 'others';

interface Refusals {
  readonly code: ErrorCode;
  readonly caller: Caller;
  readonly method: string;
  readonly route: string;
  /** Since the last event. */
  readonly count: number;
}

/**
 * Records who was turned away at the door, in bounded events: the first refusal of a source (an IPv4 address or an IPv6 /64,
 * and the principal) at once, then one event for all of it that follow within ten seconds. Beyond 256 sources at a time the
 * rest share one.
 */
@Injectable()
export class AccessRefusals extends RefusedCalls implements OnModuleDestroy {
  private readonly bySource = new Map<string, Refusals>();
  private readonly writing = new Set<Promise<void>>();

  constructor(
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
    @InjectLogger() private readonly logger: Logger,
  ) {
    super();
  }

  /** The answer does not wait for it. */
  override note(request: Request, code: ErrorCode): void {
    const { path: route } = request.route as { path: string };
    const caller = callerOf(request);
    const own = `${code} ${caller.actor} ${sourceOf(caller)}`;
    const shared = this.bySource.size >= SOURCES_MAX && !this.bySource.has(own);
    const source = shared ? `${code} ${OTHERS}` : own;
    const { count } = this.bySource.get(source) ?? { count: 0 };
    const refusals = { code, caller: shared ? ANONYMOUS : caller, method: request.method, route };
    const isFirst = !shared && !this.bySource.has(source);
    if (isFirst) this.write({ ...refusals, count: 1 });
    this.bySource.set(source, { ...refusals, count: isFirst ? 0 : count + 1 });
  }

  /** Writes what has been counted since the last time. */
  @Interval('access-refusals', FLUSH_MS)
  async flush(): Promise<void> {
    for (const [source, refusals] of this.bySource) {
      if (refusals.count === 0) {
        this.bySource.delete(source);
      } else {
        this.write(refusals);
        this.bySource.set(source, { ...refusals, count: 0 });
      }
    }
    await Promise.all(this.writing);
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
  }

  private write({ code, caller, method, route, count }: Refusals): void {
    const writing: Promise<void> = this.transactions
      .run((tx) =>
        this.audit.record(tx, caller, {
          action: 'access.refuse',
          outcome: 'refused',
          subjectType: 'route',
          subjectId: null,
          details: { code, count, method, route },
        }),
      )
      .catch((error: unknown) => this.logger.error({ err: error, code, count }, 'refused access could not be recorded'))
      .finally(() => this.writing.delete(writing));
    this.writing.add(writing);
  }
}

function sourceOf({ sourceAddress }: Caller): string {
  const key = new Uint32Array(2);
  return sourceAddress !== null && readSourceKey(sourceAddress, key) ? key.join(':') : 'unknown';
}
