import { Injectable } from '@nestjs/common';
import { DataSource, LessThan } from 'typeorm';
import { Clock } from '../platform/clock/clock.js';
import type { Tx } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import type { Caller } from '../platform/http/caller.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { AuditEventEntity, type AuditOutcome } from './audit-event.entity.js';
import type { AuditAction } from './audit-action.js';
import { AuditMetrics } from './audit.metrics.js';

export interface AuditRecord {
  readonly action: AuditAction;
  readonly outcome?: AuditOutcome;
  readonly subjectType: 'issuer' | 'certificate' | 'api_key' | 'ocsp_responder';
  readonly subjectId: string | null;
  /** Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

@Injectable()
export class AuditService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
    private readonly metrics: AuditMetrics,
  ) {}

  /** Records what happens in this transaction: the event commits with the act, or neither does. */
  async record(tx: Tx, caller: Caller, record: AuditRecord): Promise<void> {
    const now = this.clock.now();
    const outcome = record.outcome ?? 'success';
    await tx.query(
      `INSERT INTO audit_events
         (id, occurred_at, actor, action, outcome, subject_type, subject_id, source_address, request_id, details)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        uuidV7(now),
        now,
        caller.actor,
        record.action,
        outcome,
        record.subjectType,
        record.subjectId,
        caller.sourceAddress,
        caller.requestId,
        JSON.stringify(record.details ?? {}),
      ],
    );
    this.metrics.events.inc({ action: record.action, outcome });
  }

  /** Events, newest first. */
  async list(query: {
    limit: number;
    cursor?: string | undefined;
    action?: AuditAction | undefined;
    subject_id?: string | undefined;
  }): Promise<{ rows: readonly AuditEventEntity[]; nextCursor: string | null }> {
    const before = findCursorId(query.cursor);
    const rows = await this.dataSource.manager.find(AuditEventEntity, {
      where: {
        ...(before === null ? {} : { id: LessThan(before) }),
        ...(query.action === undefined ? {} : { action: query.action }),
        ...(query.subject_id === undefined ? {} : { subjectId: query.subject_id }),
      },
      order: { id: 'DESC' },
      take: query.limit + 1,
    });
    return cutPage(rows, query.limit);
  }
}
