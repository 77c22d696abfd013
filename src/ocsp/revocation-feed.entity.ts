import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** One row: the number of the last revocation, and up to which number the feed was pruned. */
@Entity('revocation_counter')
@Check('revocation_counter_single_row_check', 'id = 1')
export class RevocationCounterEntity {
  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'revocation_counter_pkey' })
  id!: number;

  @Column('bigint', { name: 'last_number' })
  lastNumber!: string;

  @Column('bigint', { name: 'pruned_number' })
  prunedNumber!: string;
}

/** What each revocation changed, in the order of their commits. */
@Entity('revocation_feed')
@Index('revocation_feed_number_key', ['number'], { unique: true })
export class RevocationFeedEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'revocation_feed_pkey',
  })
  id!: string;

  /** Taken by the COMMIT: null is never seen from outside the transaction. */
  @Column('bigint', { nullable: true })
  number!: string | null;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;

  @Column('bytea', { name: 'serial_number' })
  serialNumber!: Buffer;

  @Column('timestamptz', { name: 'recorded_at', default: () => 'now()' })
  recordedAt!: Date;
}
