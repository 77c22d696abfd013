import { createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import type { CertplaneClient } from '../../clients/typescript/src/client.js';
import { ProblemError } from '../../clients/typescript/src/errors.js';
import type { Certificate, IssueCertificate } from '../../clients/typescript/src/schemas.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { parsePem } from '../pki/pem.js';
import { PkiError } from '../pki/pki-error.js';
import type { KeyAlgorithm } from '../pki/signature-algorithm.js';
import { refusal } from './failure.js';
import { writeFile } from './local-files.js';
import { formatPrivateKey, generatePrivateKey, requestCertificate, type RequestedNames } from './local-key.js';

/** What is asked of the issuer, besides names and key. */
export interface IssuingTerms {
  readonly issuerId: string;
  readonly validity: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Has a certificate issued for a CSR. Names, where given, stand instead of those in the CSR. */
export function issueForRequest(
  client: CertplaneClient,
  csr: string,
  { issuerId, validity, idempotencyKey = randomUUID() }: IssuingTerms,
  names?: IssueCertificate['subject_alternative_names'],
): Promise<Certificate> {
  const body = { issuer_id: issuerId, csr, validity, subject_alternative_names: names };
  return client.issueCertificate(body, { idempotencyKey });
}

/** Has a certificate issued for a key of this machine, which never leaves it. @throws Failure, ProblemError, ConnectionError */
export async function issueForKey(
  client: CertplaneClient,
  privateKey: KeyObject,
  names: RequestedNames,
  terms: IssuingTerms,
): Promise<Certificate> {
  const certificate = await issueForRequest(client, await requestCertificate(privateKey, names), terms);
  if (isFor(certificate, privateKey)) return certificate;
  const text = `The certificate that was issued, ${certificate.id}, is for another key. Do not use it.`;
  throw refusal('key_mismatch', text);
}

/**
 * The same for a key that is made now, in a file that only its owner may read. Where the certificate is refused, the key goes
 * again; where nobody knows what became of the call, it stays.
 */
export async function issueForNewKey(
  client: CertplaneClient,
  { path, algorithm }: { readonly path: string; readonly algorithm: KeyAlgorithm },
  names: RequestedNames,
  terms: IssuingTerms,
): Promise<Certificate> {
  const privateKey = await generatePrivateKey(algorithm);
  writeFile(path, formatPrivateKey(privateKey), { mode: 0o600 });
  try {
    return await issueForKey(client, privateKey, names, terms);
  } catch (error) {
    const wasRefused = (error instanceof ProblemError && error.status < 500) || error instanceof PkiError;
    if (wasRefused) unlinkSync(path);
    throw error;
  }
}

/** The certificate and those above it, as servers want them. */
export function fullChainOf({ certificate_pem: own, chain_pem: chain }: Certificate): string {
  return (own ?? '') + chain;
}

function isFor({ certificate_pem: pem }: Certificate, privateKey: KeyObject): boolean {
  const [der] = parsePem(pem ?? '', 'CERTIFICATE');
  const spkiDer = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return parseCertificateFields(der!).spkiDer.equals(spkiDer);
}
