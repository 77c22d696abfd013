import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { CrlKind } from './crl.entity.js';

/** A build that ended, well or not. */
@Entity('crl_events')
@Index('crl_events_crl_idx', ['issuerId', 'kind', 'shard', 'id'])
export class CrlEventEntity {
  /** UUID version 7. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'crl_events_pkey' })
  id!: string;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;

  @Column('text')
  kind!: CrlKind;

  @Column('smallint')
  shard!: number;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  @Column('integer', { name: 'duration_ms' })
  durationMs!: number;

  @Column('boolean')
  succeeded!: boolean;

  @Column('bigint', { name: 'crl_number', nullable: true })
  crlNumber!: string | null;

  @Column('integer', { name: 'revoked_count', nullable: true })
  revokedCount!: number | null;

  @Column('text', { nullable: true })
  error!: string | null;
}
