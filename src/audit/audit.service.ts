import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../platform/clock/clock.js';
import { afterCommit, type Tx } from '../platform/database/transaction.js';
import { firstUuidV7, uuidV7 } from '../platform/database/uuid.js';
import type { Caller } from '../platform/http/caller.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { AuditEventEntity, type AuditOutcome } from './audit-event.entity.js';
import type { AUDIT_SUBJECT_TYPES, AuditAction } from './audit-action.js';
import { AuditMetrics } from './audit.metrics.js';
import type { AuditQuery } from './audit.schemas.js';

type AuditDetails = Readonly<Record<string, unknown>>;

export interface AuditRecord {
  readonly action: AuditAction;
  readonly outcome?: AuditOutcome;
  readonly subjectType: (typeof AUDIT_SUBJECT_TYPES)[number];
  readonly subjectId: string | null;
  /** What was so, where something is changed, and what is so from now on. */
  readonly change?: { readonly before: AuditDetails; readonly after: AuditDetails };
  /** Never a secret. */
  readonly details?: AuditDetails;
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
        JSON.stringify({ ...record.details, ...record.change }),
      ],
    );
    afterCommit(tx, () => this.metrics.events.inc({ action: record.action, outcome }));
  }

  /** Events, newest first. An event's id begins with its time. */
  async list(query: AuditQuery): Promise<{ rows: readonly AuditEventEntity[]; nextCursor: string | null }> {
    const rows = this.dataSource.manager
      .createQueryBuilder(AuditEventEntity, 'e')
      .orderBy('e.id', 'DESC')
      .take(query.limit + 1);
    const before = findCursorId(query);
    if (before !== null) rows.andWhere('e.id < :before', { before });
    if (query.from !== undefined) rows.andWhere('e.id >= :from', { from: firstUuidV7(query.from) });
    if (query.to !== undefined) rows.andWhere('e.id < :to', { to: firstUuidV7(query.to) });
    for (const column of ['action', 'actor', 'outcome', 'subject_type', 'subject_id'] as const) {
      if (query[column] !== undefined) rows.andWhere(`e.${column} = :${column}`, { [column]: query[column] });
    }
    return cutPage(await rows.getMany(), query);
  }
}
