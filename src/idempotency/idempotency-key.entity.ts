import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A call that was made under an Idempotency-Key, and its answer once there is one. */
@Entity('idempotency_keys')
@Index('idempotency_keys_created_at_idx', ['createdAt'])
export class IdempotencyKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  actor!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_keys_pkey' })
  key!: string;

  /** Of method, path and body: another call under the same key is refused. */
  @Column('bytea', { name: 'request_sha256' })
  requestSha256!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** Until when the instance that took it up may be at work; null once it has answered. */
  @Column('timestamptz', { name: 'locked_until', nullable: true })
  lockedUntil!: Date | null;

  @Column('smallint', { nullable: true })
  status!: number | null;

  /** The answer's body, wrapped under the master key: it may hold an API key. */
  @Column('bytea', { name: 'wrapped_answer', nullable: true })
  wrappedAnswer!: Buffer | null;
}
