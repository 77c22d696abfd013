import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyEntity } from '../keys/key.entity.js';

/** A delegated OCSP responder certificate. The one of an issuer that nothing has superseded is the one that signs. */
@Entity('ocsp_responders')
@Index('ocsp_responders_issuer_id_idx', ['issuerId', 'id'])
@Index('ocsp_responders_current_key', ['issuerId'], { unique: true, where: 'superseded_at IS NULL' })
export class OcspResponderEntity {
  /** UUID version 7. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'ocsp_responders_pkey' })
  id!: string;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'issuer_id', foreignKeyConstraintName: 'ocsp_responders_issuer_id_fkey' })
  issuer?: Relation<IssuerEntity>;

  @Column('uuid', { name: 'key_id' })
  keyId!: string;

  @ManyToOne(() => KeyEntity)
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'ocsp_responders_key_id_fkey' })
  key?: Relation<KeyEntity>;

  @Column('bytea', { name: 'certificate_der' })
  certificateDer!: Buffer;

  @Column('timestamptz', { name: 'not_after' })
  notAfter!: Date;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** Since when another one signs; it stays until the last response that it signed has expired. */
  @Column('timestamptz', { name: 'superseded_at', nullable: true })
  supersededAt!: Date | null;

  /** When all that its predecessors had signed was signed anew. */
  @Column('timestamptz', { name: 'responses_renewed_at', nullable: true })
  responsesRenewedAt!: Date | null;
}
