import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { KeyAlgorithm } from '../pki/signature-algorithm.js';

/** A private key, wrapped under the master key. */
@Entity('keys')
export class KeyEntity {
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'keys_pkey' })
  id!: string;

  @Column('text')
  algorithm!: KeyAlgorithm;

  @Column('bytea', { name: 'spki_der' })
  spkiDer!: Buffer;

  @Column('bytea', { name: 'wrapped_private_key' })
  wrappedPrivateKey!: Buffer;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
