import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** An API key, known by its SHA-256 alone. */
@Entity('api_keys')
@Index('api_keys_key_sha256_key', ['keySha256'], { unique: true })
export class ApiKeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'api_keys_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('bytea', { name: 'key_sha256' })
  keySha256!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
