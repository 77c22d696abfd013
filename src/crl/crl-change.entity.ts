import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A certificate whose status changed: what the next delta CRL has to tell. Kept while a base is older. */
@Entity('crl_changes')
@Index('crl_changes_revision_idx', ['issuerId', 'revision'])
export class CrlChangeEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'crl_changes_pkey',
  })
  id!: string;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;

  /** Null for a certificate whose distribution point is the complete CRL. */
  @Column('smallint', { nullable: true })
  shard!: number | null;

  @Column('bytea', { name: 'serial_number' })
  serialNumber!: Buffer;

  /** The dirty revision of the complete CRL, taken by the COMMIT: null is never seen from outside the transaction. */
  @Column('bigint', { nullable: true })
  revision!: string | null;
}
