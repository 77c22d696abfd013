import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A process that answers OCSP from memory, and how far it has followed the revocation feed. */
@Entity('responder_nodes')
export class ResponderNodeEntity {
  /** New at every start of the process. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'responder_nodes_pkey' })
  id!: string;

  /** Host and process id, for people. */
  @Column('text')
  name!: string;

  /** The number of the last revocation that it has applied. */
  @Column('bigint')
  applied!: string;

  /** Counts its renewals: unchanged for one lease, every lease of it is over. */
  @Column('bigint')
  renewal!: string;

  /** True: it has no lease, and no revocation waits for it. */
  @Column('boolean')
  silent!: boolean;

  /** How long a lease of it may last, in milliseconds. */
  @Column('integer', { name: 'lease_ms' })
  leaseMs!: number;

  @Column('timestamptz', { name: 'started_at', default: () => 'now()' })
  startedAt!: Date;

  @Column('timestamptz', { name: 'renewed_at', default: () => 'now()' })
  renewedAt!: Date;
}
