import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { CertificateEntity } from '../certificates/certificate.entity.js';
import type { CertIdAlgorithm } from '../pki/cert-id.js';

/**
 * A signed response without a nonce, ready to be sent. One for each certificate and CertID hash algorithm. Without bytes it
 * stands for one that is to be signed: the certificate is new, or was revoked.
 */
@Entity('ocsp_responses')
@Check('ocsp_responses_status_check', `certificate_status IN ('good', 'revoked')`)
@Index('ocsp_responses_refresh_at_idx', ['refreshAt'])
export class OcspResponseEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'ocsp_responses_pkey' })
  issuerId!: string;

  @PrimaryColumn('bytea', { name: 'serial_number', primaryKeyConstraintName: 'ocsp_responses_pkey' })
  serialNumber!: Buffer;

  @ManyToOne(() => CertificateEntity, { onDelete: 'CASCADE' })
  @JoinColumn([
    {
      name: 'issuer_id',
      referencedColumnName: 'issuerId',
      foreignKeyConstraintName: 'ocsp_responses_certificate_fkey',
    },
    {
      name: 'serial_number',
      referencedColumnName: 'serialNumber',
      foreignKeyConstraintName: 'ocsp_responses_certificate_fkey',
    },
  ])
  certificate?: Relation<CertificateEntity>;

  @PrimaryColumn('text', { name: 'cert_id_algorithm', primaryKeyConstraintName: 'ocsp_responses_pkey' })
  certIdAlgorithm!: CertIdAlgorithm;

  @Column('text', { name: 'certificate_status', nullable: true })
  certificateStatus!: 'good' | 'revoked' | null;

  @Column('bytea', { name: 'response_der', nullable: true })
  responseDer!: Buffer | null;

  @Column('timestamptz', { name: 'produced_at', nullable: true })
  producedAt!: Date | null;

  @Column('timestamptz', { name: 'this_update', nullable: true })
  thisUpdate!: Date | null;

  @Column('timestamptz', { name: 'next_update', nullable: true })
  nextUpdate!: Date | null;

  /** From here on a new response is signed instead: half of the validity (CA/B BR 4.9.10). */
  @Column('timestamptz', { name: 'refresh_at' })
  refreshAt!: Date;

  /** How often signing has failed since the last success: a broken row waits longer and longer. */
  @Column('smallint', { default: 0 })
  failures!: number;
}
