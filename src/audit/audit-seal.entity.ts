import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { KeyEntity } from '../keys/key.entity.js';

/** An event that waits for the sealer. A trigger puts each there. */
@Entity('audit_pending')
export class AuditPendingEntity {
  @PrimaryColumn('uuid', { name: 'event_id', primaryKeyConstraintName: 'audit_pending_pkey' })
  eventId!: string;
}

/** A leaf of the Merkle tree over the audit trail (RFC 9162 section 2.1). */
@Entity('audit_leaves')
@Index('audit_leaves_event_id_key', ['eventId'], { unique: true })
export class AuditLeafEntity {
  /** From 0, without a gap. */
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'audit_leaves_pkey' })
  position!: string;

  @Column('uuid', { name: 'event_id' })
  eventId!: string;

  @Column('bytea', { name: 'leaf_hash' })
  leafHash!: Buffer;
}

/** A key that signs checkpoints, or did: the one that is not retired signs. The trail is named after its first. */
@Entity('audit_keys')
export class AuditKeyEntity {
  @PrimaryColumn('uuid', { name: 'key_id', primaryKeyConstraintName: 'audit_keys_pkey' })
  keyId!: string;

  @ManyToOne(() => KeyEntity)
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'audit_keys_key_id_fkey' })
  key?: Relation<KeyEntity>;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'retired_at', nullable: true })
  retiredAt!: Date | null;
}

/** A signed statement of how the tree stood at a size. */
@Entity('audit_checkpoints')
@Index('audit_checkpoints_signed_at_idx', ['signedAt', 'treeSize'])
export class AuditCheckpointEntity {
  @PrimaryColumn('bigint', { name: 'tree_size', primaryKeyConstraintName: 'audit_checkpoints_pkey' })
  treeSize!: string;

  @Column('bytea', { name: 'root_hash' })
  rootHash!: Buffer;

  /** The hashes of the complete subtrees, largest first: what the next checkpoint goes on from. */
  @Column('bytea', { array: true })
  frontier!: Buffer[];

  /** Never before that of a smaller one. */
  @Column('timestamptz', { name: 'signed_at' })
  signedAt!: Date;

  @Column('uuid', { name: 'key_id' })
  keyId!: string;

  @ManyToOne(() => AuditKeyEntity)
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'audit_checkpoints_key_id_fkey' })
  key?: Relation<AuditKeyEntity>;

  /** The checkpoint as a signed note: origin, size, root, and the signature. */
  @Column('text')
  note!: string;
}

/** How far a forwarder has come. */
@Entity('audit_forwarders')
export class AuditForwarderEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'audit_forwarders_pkey' })
  name!: string;

  /** The position after the last event that was taken over there. */
  @Column('bigint')
  position!: string;

  @Column('timestamptz', { name: 'forwarded_at', nullable: true })
  forwardedAt!: Date | null;

  @Column('text', { nullable: true })
  error!: string | null;
}
