import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CertIdAlgorithm } from '../pki/cert-id.js';

/** Up to which certificate rows in `ocsp_responses` were made for a CertID hash algorithm. */
@Entity('ocsp_presign_positions')
export class PresignPositionEntity {
  @PrimaryColumn('text', { name: 'cert_id_algorithm', primaryKeyConstraintName: 'ocsp_presign_positions_pkey' })
  certIdAlgorithm!: CertIdAlgorithm;

  @Column('uuid', { name: 'certificate_id' })
  certificateId!: string;
}
