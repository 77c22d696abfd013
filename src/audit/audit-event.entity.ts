import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type AuditOutcome = 'success' | 'refused';

/** One thing that was done, or tried and refused. Rows are only ever added. */
@Entity('audit_events')
@Index('audit_events_action_idx', ['action', 'id'])
@Index('audit_events_actor_idx', ['actor', 'id'])
@Index('audit_events_subject_idx', ['subjectId', 'id'])
export class AuditEventEntity {
  /** UUID version 7: falling ids are newest first. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'audit_events_pkey' })
  id!: string;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt!: Date;

  @Column('text')
  actor!: string;

  @Column('text')
  action!: string;

  @Column('text')
  outcome!: AuditOutcome;

  @Column('text', { name: 'subject_type' })
  subjectType!: string;

  @Column('text', { name: 'subject_id', nullable: true })
  subjectId!: string | null;

  @Column('text', { name: 'source_address', nullable: true })
  sourceAddress!: string | null;

  @Column('text', { name: 'request_id', nullable: true })
  requestId!: string | null;

  @Column('jsonb')
  details!: Record<string, unknown>;
}
