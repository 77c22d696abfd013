import { parseCertificateFields, CERTIFICATE_MAX_BYTES, type CertificateFields } from '../../pki/certificate-fields.js';
import { PkiError } from '../../pki/pki-error.js';
import { isSignedWith } from '../../pki/signed-object.js';
import { readStatusAddresses } from '../../pki/status-addresses.js';
import { download, DownloadError, type Download } from './download.js';

/** A certificate that may be that of the issuer, and where it is from. */
export interface Candidate {
  readonly der: Buffer;
  readonly source: string;
}

export interface FoundIssuer {
  readonly fields: CertificateFields;
  readonly source: string;
}

/** The issuer whose key has signed the certificate: among these, else where the certificate says that it is. */
export async function findIssuer(
  certificate: Buffer,
  candidates: readonly Candidate[],
  trusted: Download['trusted'],
): Promise<FoundIssuer | null> {
  const { issuerDer, ...fields } = parseCertificateFields(certificate);
  const find = async ({ der, source }: Candidate): Promise<FoundIssuer | null> => {
    const issuer = findFields(der);
    if (issuer?.subjectDer.equals(issuerDer) !== true) return null;
    return (await isSignedWith(certificate, issuer.spkiDer)) ? { fields: issuer, source } : null;
  };
  for (const candidate of candidates) {
    const found = await find(candidate);
    if (found !== null) return found;
  }
  for (const url of readStatusAddresses(fields).caIssuers) {
    const der = await findCertificate(url, trusted);
    const found = der === null ? null : await find({ der, source: url });
    if (found !== null) return found;
  }
  return null;
}

async function findCertificate(url: string, trusted: Download['trusted']): Promise<Buffer | null> {
  try {
    return await download({ url, trusted, maxBytes: CERTIFICATE_MAX_BYTES });
  } catch (error) {
    if (error instanceof DownloadError) return null;
    throw error;
  }
}

function findFields(der: Buffer): CertificateFields | null {
  try {
    return parseCertificateFields(der);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}
