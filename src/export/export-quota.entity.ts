import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What a principal has exported in the hour that began with its first export. */
@Entity('export_quotas')
export class ExportQuotaEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'export_quotas_pkey' })
  actor!: string;

  @Column('timestamptz', { name: 'window_start' })
  windowStart!: Date;

  @Column('integer')
  used!: number;
}
