import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A token bucket that all instances share. Lost in a crash of the database, which only favours the caller. */
@Entity('rate_limits')
export class RateLimitEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rate_limits_pkey' })
  key!: string;

  /** When the bucket is full again. */
  @Column('timestamptz', { name: 'full_at' })
  fullAt!: Date;
}
