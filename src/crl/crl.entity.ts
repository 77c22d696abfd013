import { Check, Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';

export const CRL_KINDS = ['complete', 'shard', 'delta'] as const;
export type CrlKind = (typeof CRL_KINDS)[number];

/** The published CRL of a scope, and what is known of the next. */
@Entity('crls')
@Check('crls_kind_check', `kind IN ('complete', 'shard', 'delta')`)
export class CrlEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'crls_pkey' })
  issuerId!: string;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'issuer_id', foreignKeyConstraintName: 'crls_issuer_id_fkey' })
  issuer?: Relation<IssuerEntity>;

  @PrimaryColumn('text', { default: 'complete', primaryKeyConstraintName: 'crls_pkey' })
  kind!: CrlKind;

  /** 0 where the kind is not `shard`. */
  @PrimaryColumn('smallint', { default: 0, primaryKeyConstraintName: 'crls_pkey' })
  shard!: number;

  /** Counts the changes of status in this scope. A delta has none of its own: the complete CRL's counts. */
  @Column('bigint', { name: 'dirty_revision', default: 0 })
  dirtyRevision!: string;

  /** Since when the published CRL lacks a change; null: it lacks none. Not of a delta. */
  @Column('timestamptz', { name: 'dirty_since', nullable: true })
  dirtySince!: Date | null;

  /** The dirty revision that the published CRL is known to hold; of a delta the complete CRL's. */
  @Column('bigint', { name: 'built_revision', default: 0 })
  builtRevision!: string;

  /** The last CRL number that was given to a build, published or not. A delta takes its numbers from the complete CRL's row. */
  @Column('bigint', { name: 'last_number', default: 0 })
  lastNumber!: string;

  @Column('bigint', { name: 'crl_number', nullable: true })
  crlNumber!: string | null;

  @Column('bytea', { name: 'crl_sha256', nullable: true })
  crlSha256!: Buffer | null;

  @Column('timestamptz', { name: 'this_update', nullable: true })
  thisUpdate!: Date | null;

  @Column('timestamptz', { name: 'next_update', nullable: true })
  nextUpdate!: Date | null;

  /** When the build of the published CRL began. */
  @Column('timestamptz', { name: 'generated_at', nullable: true })
  generatedAt!: Date | null;

  @Column('integer', { name: 'entry_count', nullable: true })
  entryCount!: number | null;

  /** BaseCRLNumber of a delta (RFC 5280 section 5.2.4). */
  @Column('bigint', { name: 'base_number', nullable: true })
  baseNumber!: string | null;

  @Column('bigint', { name: 'size_bytes', nullable: true })
  sizeBytes!: string | null;

  @Column('integer', { name: 'generation_duration_ms', nullable: true })
  generationDurationMs!: number | null;

  /** How many URIs the issuing distribution point of the published CRL has, or its freshest CRL. */
  @Column('smallint', { name: 'distribution_points', default: 0 })
  distributionPoints!: number;
}
