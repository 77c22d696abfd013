import { createHash } from 'node:crypto';
import type { CertificateProfileName } from '../certificates/certificate.entity.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import type { Signer } from '../pki/signer.js';
import type { OcspResponderEntity } from './ocsp-responder.entity.js';

export const RESPONDER_PROFILE: CertificateProfileName = 'ocsp-responder';

/** A delegated responder, ready to sign. */
export interface OcspResponder {
  readonly id: string;
  readonly keyId: string;
  readonly signer: Signer;
  readonly certificateDer: Buffer;
  /** SHA-1 of its public key bits: the ResponderID byKey (RFC 6960 section 4.2.1). */
  readonly keyHash: Buffer;
  readonly notAfter: Date;
}

export function toResponder(row: OcspResponderEntity, signer: Signer): OcspResponder {
  const { publicKeyBits } = parseCertificateFields(row.certificateDer);
  return {
    id: row.id,
    keyId: row.keyId,
    signer,
    certificateDer: row.certificateDer,
    keyHash: createHash('sha1').update(publicKeyBits).digest(),
    notAfter: row.notAfter,
  };
}

/**
 * SQL: whether the certificate of a row `r` of `ocsp_responders` was revoked. It is found by its key, which no other has; OFFSET
 * has the planner look for that one certificate, whatever it believes of the number of revoked ones.
 */
export const RESPONDER_REVOKED = `EXISTS (
  SELECT FROM keys k JOIN certificates c ON c.spki_sha256 = sha256(k.spki_der)
   WHERE k.id = r.key_id AND c.issuer_id = r.issuer_id AND c.revoked_at IS NOT NULL OFFSET 0)`;
