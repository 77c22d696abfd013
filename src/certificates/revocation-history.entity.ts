import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import type { RevocationReason } from '../pki/revocation-reason.js';
import { CertificateEntity } from './certificate.entity.js';

export const REVOCATION_ACTIONS = ['hold', 'revoke', 'release', 'correct'] as const;
export type RevocationAction = (typeof REVOCATION_ACTIONS)[number];

/** A step in the life of a certificate's status, and what was so after it. */
@Entity('revocation_history')
@Check('revocation_history_action_check', `action IN ('hold', 'revoke', 'release', 'correct')`)
@Index('revocation_history_certificate_id_idx', ['certificateId', 'id'])
export class RevocationHistoryEntity {
  /** Taken while the certificate's row is locked: the steps of one certificate have them in their order. */
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'revocation_history_pkey',
  })
  id!: string;

  @Column('uuid', { name: 'certificate_id' })
  certificateId!: string;

  @ManyToOne(() => CertificateEntity)
  @JoinColumn({ name: 'certificate_id', foreignKeyConstraintName: 'revocation_history_certificate_id_fkey' })
  certificate?: Relation<CertificateEntity>;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt!: Date;

  @Column('text')
  action!: RevocationAction;

  @Column('text')
  actor!: string;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  @Column('text', { name: 'revocation_reason', nullable: true })
  revocationReason!: RevocationReason | null;

  @Column('timestamptz', { name: 'invalidity_date', nullable: true })
  invalidityDate!: Date | null;
}
