import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A public key that is known to be compromised; no certificate is issued for it again (CA/B BR 6.1.1.3). */
@Entity('blocked_keys')
export class BlockedKeyEntity {
  @PrimaryColumn('bytea', { name: 'spki_sha256', primaryKeyConstraintName: 'blocked_keys_pkey' })
  spkiSha256!: Buffer;

  @Column('timestamptz', { name: 'blocked_at' })
  blockedAt!: Date;
}
