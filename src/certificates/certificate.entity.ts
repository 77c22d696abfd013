import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import type { RevocationReason } from '../pki/revocation-reason.js';
import type { SubjectAlternativeNames } from '../pki/subject-alternative-names.js';

export const CERTIFICATE_PROFILES = ['leaf', 'intermediate', 'ocsp-responder'] as const;
export type CertificateProfileName = (typeof CERTIFICATE_PROFILES)[number];

/**
 * A serial number that an issuer of ours has given away, and the certificate that bears it. Without `certificateDer` it is
 * a reservation: the CA may be signing right now, or a crash left it behind.
 */
@Entity('certificates')
@Check(
  'certificates_serial_number_check',
  'octet_length(serial_number) BETWEEN 1 AND 20 AND get_byte(serial_number, 0) <> 0',
)
@Check('certificates_revocation_check', '(revoked_at IS NULL) = (revocation_reason IS NULL)')
@Index('certificates_issuer_id_serial_number_key', ['issuerId', 'serialNumber'], { unique: true })
@Index('certificates_not_after_idx', ['notAfter'])
@Index('certificates_spki_sha256_idx', ['spkiSha256'])
@Index('certificates_revoked_idx', ['issuerId', 'notAfter'], { where: 'revoked_at IS NOT NULL' })
@Index('certificates_revoked_shard_idx', ['issuerId', 'crlShard', 'notAfter'], {
  where: 'revoked_at IS NOT NULL AND crl_shard IS NOT NULL',
})
@Index('certificates_reserved_idx', ['reservedAt'], { where: 'certificate_der IS NULL AND revoked_at IS NULL' })
export class CertificateEntity {
  /** UUID version 7: falling ids are newest first. */
  @PrimaryColumn('uuid', { primaryKeyConstraintName: 'certificates_pkey' })
  id!: string;

  @Column('text', { name: 'issuer_id' })
  issuerId!: string;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'issuer_id', foreignKeyConstraintName: 'certificates_issuer_id_fkey' })
  issuer?: Relation<IssuerEntity>;

  /** Canonical: the minimal big-endian bytes of the positive integer. */
  @Column('bytea', { name: 'serial_number' })
  serialNumber!: Buffer;

  @Column('text')
  profile!: CertificateProfileName;

  /** RFC 4514. */
  @Column('text')
  subject!: string;

  @Column('jsonb', { name: 'subject_alternative_names' })
  subjectAlternativeNames!: SubjectAlternativeNames;

  @Column('bytea', { name: 'spki_sha256' })
  spkiSha256!: Buffer;

  @Column('timestamptz', { name: 'not_before' })
  notBefore!: Date;

  @Column('timestamptz', { name: 'not_after' })
  notAfter!: Date;

  @Column('timestamptz', { name: 'reserved_at' })
  reservedAt!: Date;

  @Column('bytea', { name: 'certificate_der', nullable: true })
  certificateDer!: Buffer | null;

  @Column('bytea', { name: 'fingerprint_sha256', nullable: true })
  fingerprintSha256!: Buffer | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;

  @Column('text', { name: 'revocation_reason', nullable: true })
  revocationReason!: RevocationReason | null;

  @Column('timestamptz', { name: 'invalidity_date', nullable: true })
  invalidityDate!: Date | null;

  /** The CRL shard that its distribution point names; null where that is the complete CRL, or there is none. */
  @Column('smallint', { name: 'crl_shard', nullable: true })
  crlShard!: number | null;
}
