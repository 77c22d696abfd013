import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';

/** The published CRL of an issuer, and what is known of the next. */
@Entity('crls')
export class CrlEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'crls_pkey' })
  issuerId!: string;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'issuer_id', foreignKeyConstraintName: 'crls_issuer_id_fkey' })
  issuer?: Relation<IssuerEntity>;

  /** Counts the revocations of the issuer. */
  @Column('bigint', { name: 'dirty_revision', default: 0 })
  dirtyRevision!: string;

  /** The dirty revision that the published CRL is known to hold. */
  @Column('bigint', { name: 'built_revision', default: 0 })
  builtRevision!: string;

  /** The last CRL number that was given to a build, published or not. */
  @Column('bigint', { name: 'last_number', default: 0 })
  lastNumber!: string;

  @Column('bigint', { name: 'crl_number', nullable: true })
  crlNumber!: string | null;

  @Column('bytea', { name: 'crl_der', nullable: true })
  crlDer!: Buffer | null;

  @Column('bytea', { name: 'crl_sha256', nullable: true })
  crlSha256!: Buffer | null;

  @Column('timestamptz', { name: 'this_update', nullable: true })
  thisUpdate!: Date | null;

  @Column('timestamptz', { name: 'next_update', nullable: true })
  nextUpdate!: Date | null;

  @Column('timestamptz', { name: 'generated_at', nullable: true })
  generatedAt!: Date | null;

  @Column('integer', { name: 'entry_count', nullable: true })
  entryCount!: number | null;
}
