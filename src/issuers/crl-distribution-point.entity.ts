import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { IssuerEntity } from './issuer.entity.js';

/** An address of a CRL shard that stands in certificates, or is about to: it never changes and never goes. */
@Entity('crl_distribution_points')
export class CrlDistributionPointEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'crl_distribution_points_pkey' })
  issuerId!: string;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'issuer_id', foreignKeyConstraintName: 'crl_distribution_points_issuer_id_fkey' })
  issuer?: Relation<IssuerEntity>;

  /** From 0. */
  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'crl_distribution_points_pkey' })
  shard!: number;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'crl_distribution_points_pkey' })
  url!: string;

  @Column('timestamptz', { name: 'created_at', default: () => 'now()' })
  createdAt!: Date;
}
