import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Role } from '../platform/http/permission.js';

/** An API key, known by its SHA-256 alone. */
@Entity('api_keys')
@Check('api_keys_role_check', `role IN ('admin', 'operator', 'viewer', 'auditor', 'metrics')`)
@Index('api_keys_key_sha256_key', ['keySha256'], { unique: true })
@Index('api_keys_previous_key_sha256_key', ['previousKeySha256'], {
  unique: true,
  where: 'previous_key_sha256 IS NOT NULL',
})
@Index('api_keys_name_key', ['name'], { unique: true, where: 'revoked_at IS NULL' })
export class ApiKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_keys_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('bytea', { name: 'key_sha256' })
  keySha256!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('text')
  role!: Role;

  /** The issuers that it may act on; null: all. */
  @Column('text', { name: 'issuer_ids', array: true, nullable: true })
  issuerIds!: string[] | null;

  /** The certificate profiles that it may act on; null: all. */
  @Column('text', { array: true, nullable: true })
  profiles!: string[] | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** To the minute or so: it is not written at each use. */
  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  /** The secret before the last rotation, which holds until {@link previousValidUntil}. */
  @Column('bytea', { name: 'previous_key_sha256', nullable: true })
  previousKeySha256!: Buffer | null;

  @Column('timestamptz', { name: 'previous_valid_until', nullable: true })
  previousValidUntil!: Date | null;
}
