import { Check, Column, Entity, PrimaryColumn, ManyToOne, JoinColumn, Index, type Relation } from 'typeorm';
import { KeyEntity } from '../keys/key.entity.js';
import type { KeyAlgorithm } from '../pki/signature-algorithm.js';

export const ISSUER_KINDS = ['root', 'intermediate', 'imported'] as const;
export type IssuerKind = (typeof ISSUER_KINDS)[number];

/** `disabled` issues nothing until it is enabled again, `retired` never; both keep telling of what was issued. */
export const ISSUER_STATUSES = ['active', 'disabled', 'retired'] as const;
export type IssuerStatus = (typeof ISSUER_STATUSES)[number];

/** `ignore` it; `verify` it where there is one; `require` one. */
export const OCSP_REQUEST_SIGNATURES = ['ignore', 'verify', 'require'] as const;
export type OcspRequestSignature = (typeof OCSP_REQUEST_SIGNATURES)[number];

@Entity('issuers')
@Check('issuers_ocsp_request_signature_check', `ocsp_request_signature IN ('ignore', 'verify', 'require')`)
@Check('issuers_kind_check', `kind IN ('root', 'intermediate', 'imported')`)
@Check('issuers_status_check', `status IN ('active', 'disabled', 'retired')`)
@Check('issuers_crl_shards_check', 'crl_shards BETWEEN 1 AND 1024')
@Check('issuers_crl_delta_interval_check', 'crl_delta_interval >= 0')
@Index('issuers_parent_id_idx', ['parentId'])
export class IssuerEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'issuers_pkey' })
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  kind!: IssuerKind;

  @Column('text')
  status!: IssuerStatus;

  @Column('text', { name: 'parent_id', nullable: true })
  parentId!: string | null;

  @ManyToOne(() => IssuerEntity)
  @JoinColumn({ name: 'parent_id', foreignKeyConstraintName: 'issuers_parent_id_fkey' })
  parent?: Relation<IssuerEntity>;

  /** Null for a CA whose key is elsewhere: it issues nothing here, and its CRL is published elsewhere. */
  @Column('uuid', { name: 'key_id', nullable: true })
  keyId!: string | null;

  @ManyToOne(() => KeyEntity)
  @JoinColumn({ name: 'key_id', foreignKeyConstraintName: 'issuers_key_id_fkey' })
  key?: Relation<KeyEntity>;

  @Column('text', { name: 'key_algorithm' })
  keyAlgorithm!: KeyAlgorithm;

  /** RFC 4514. */
  @Column('text')
  subject!: string;

  @Column('bytea', { name: 'certificate_der' })
  certificateDer!: Buffer;

  /** The certificates above this one, nearest first, as far as they are known. */
  @Column('bytea', { name: 'chain_der', array: true })
  chainDer!: Buffer[];

  @Column('timestamptz', { name: 'not_before' })
  notBefore!: Date;

  @Column('timestamptz', { name: 'not_after' })
  notAfter!: Date;

  /** pathLenConstraint; null without one. */
  @Column('smallint', { name: 'path_length', nullable: true })
  pathLength!: number | null;

  /** Keep to what the CA/B Baseline Requirements allow: no certificateHold, TLS lifetimes. */
  @Column('boolean', { name: 'baseline_requirements' })
  baselineRequirements!: boolean;

  /** What is done with the signature of an OCSP request (RFC 6960 section 4.1.2). */
  @Column('text', { name: 'ocsp_request_signature', default: 'ignore' })
  ocspRequestSignature!: OcspRequestSignature;

  /** The CAs whose certificates may sign OCSP requests. */
  @Column('bytea', { name: 'ocsp_requester_cas_der', array: true, default: () => "'{}'" })
  ocspRequesterCasDer!: Buffer[];

  /** Over how many CRLs new certificates are spread; with 1 their distribution point is the complete CRL. */
  @Column('smallint', { name: 'crl_shards', default: 1 })
  crlShards!: number;

  /** Seconds between delta CRLs; 0: none; null: as configured. */
  @Column('integer', { name: 'crl_delta_interval', nullable: true })
  crlDeltaInterval!: number | null;

  /** Entries stay on the CRLs after their certificates have expired (expiredCertsOnCRL, X.509). */
  @Column('boolean', { name: 'expired_certs_on_crl', default: false })
  expiredCertsOnCrl!: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
