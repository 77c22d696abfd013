import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A complete CRL that relying parties may still hold, or one like it: what a delta can be based on. */
@Entity('crl_bases')
export class CrlBaseEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'crl_bases_pkey' })
  issuerId!: string;

  @PrimaryColumn('bigint', { name: 'crl_number', primaryKeyConstraintName: 'crl_bases_pkey' })
  crlNumber!: string;

  /** The revision of the complete CRL up to which it holds every change. */
  @Column('bigint')
  revision!: string;

  /** When the last of the complete CRLs from this one up to the next base expires. */
  @Column('timestamptz', { name: 'next_update' })
  nextUpdate!: Date;

  @Column('timestamptz', { name: 'published_at' })
  publishedAt!: Date;
}
