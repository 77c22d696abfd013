import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { CertplaneClient } from '../../clients/typescript/src/client.js';
import type { CertificateSummary } from '../../clients/typescript/src/schemas.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { parsePem } from '../pki/pem.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { refusal, usageFailure } from './failure.js';
import { readText } from './local-files.js';

/** What an argument says that names a certificate. */
export const CERTIFICATE_REFERENCE =
  'Its id, its serial number (hexadecimal, in any writing), or a file that holds it (PEM)';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const SERIAL_NUMBER = /^(?:0x)?[0-9a-f]{1,2}(?:[: ]?[0-9a-f]{1,2})*$/i;

export function isFile(reference: string): boolean {
  return statSync(reference, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether this is the id of a certificate, which need not be looked for. */
export function isCertificateId(reference: string): boolean {
  return UUID.test(reference) && !isFile(reference);
}

/** The certificate that is meant. @throws Failure, ProblemError */
export async function findCertificate(client: CertplaneClient, reference: string): Promise<CertificateSummary> {
  if (isCertificateId(reference)) return client.getCertificate(reference);
  if (isFile(reference)) return findByFile(client, reference);
  if (!SERIAL_NUMBER.test(reference)) {
    throw usageFailure(`\`${reference}\` is neither a file here, nor the id of a certificate, nor a serial number.`);
  }
  const { items } = await client.listCertificates({ serial_number: reference });
  const [found, ...others] = items;
  if (found === undefined) throw refusal('certificate_not_found', `No certificate has the serial number ${reference}.`);
  if (others.length === 0) return found;
  const ids = items.map(({ id, issuer_id: issuer }) => `${id} (${issuer})`).join(', ');
  throw refusal(
    'ambiguous',
    `Several certificates have the serial number ${reference}: ${ids}.`,
    'Name one by its id.',
  );
}

async function findByFile(client: CertplaneClient, path: string): Promise<CertificateSummary> {
  const [der] = parsePem(readText(path), 'CERTIFICATE', { bytes: 1 << 20, blocks: 32 });
  const serialNumber = formatSerialNumber(parseCertificateFields(der!).serialNumber);
  const fingerprint = createHash('sha256').update(der!).digest('hex');
  const { items } = await client.listCertificates({ serial_number: serialNumber });
  const found = items.find(({ fingerprint_sha256: other }) => other === fingerprint);
  if (found !== undefined) return found;
  throw refusal('certificate_not_found', `This Certplane has not issued the certificate in ${path}.`);
}
