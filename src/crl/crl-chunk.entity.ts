import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CrlKind } from './crl.entity.js';

/** A piece of a published CRL's DER: 1 MiB each, the last one shorter. */
@Entity('crl_chunks')
export class CrlChunkEntity {
  @PrimaryColumn('text', { name: 'issuer_id', primaryKeyConstraintName: 'crl_chunks_pkey' })
  issuerId!: string;

  @PrimaryColumn('text', { primaryKeyConstraintName: 'crl_chunks_pkey' })
  kind!: CrlKind;

  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'crl_chunks_pkey' })
  shard!: number;

  @PrimaryColumn('bigint', { name: 'crl_number', primaryKeyConstraintName: 'crl_chunks_pkey' })
  crlNumber!: string;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'crl_chunks_pkey' })
  position!: number;

  @Column('bytea')
  bytes!: Buffer;
}
