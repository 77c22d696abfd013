import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A revocation on its way into `crls`: a deferred trigger counts it there at the COMMIT, and takes it away again. */
@Entity('crl_dirty_marks')
export class CrlDirtyMarkEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'crl_dirty_marks_pkey',
  })
  id!: string;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;
}
