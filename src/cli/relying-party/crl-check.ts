import { readStatusAddresses } from '../../pki/status-addresses.js';
import { parseCrl, type ParsedCrl } from '../../pki/crl-parser.js';
import { parsePublicKey } from '../../pki/key-strength.js';
import { PkiError } from '../../pki/pki-error.js';
import { download, DownloadError, type Download } from './download.js';
import { failedCheck, type CheckedCertificate, type StatusCheck } from './status-check.js';

const CRL_MAX_BYTES = 512 * 1024 * 1024;
/** How far the clocks of the two sides may be apart. */
const CLOCK_SKEW_MS = 300_000;

/** Fetches the CRL at this address, and believes it only when it verifies. Never rejects. */
export async function checkCrl(
  certificate: CheckedCertificate,
  { url, trusted }: Pick<Download, 'url' | 'trusted'>,
  now: () => Date,
): Promise<StatusCheck> {
  const asked = { source: 'crl', url } as const;
  try {
    const crl = parseCrl(await download({ url, trusted, maxBytes: CRL_MAX_BYTES }));
    const fault = findFault(crl, certificate, now());
    return fault === null ? toCheck(url, crl, certificate) : failedCheck(asked, 'not believed', fault);
  } catch (error) {
    if (error instanceof DownloadError) return failedCheck(asked, 'unreachable', error.message);
    if (error instanceof PkiError) return failedCheck(asked, 'not believed', error.message);
    throw error;
  }
}

/** RFC 5280 section 6.3.3, as far as a complete CRL of the issuer itself goes. */
function findFault(crl: ParsedCrl, { fields, issuer }: CheckedCertificate, now: Date): string | null {
  if (crl.baseCrlNumber !== null) return 'The CRL is a delta CRL.';
  const own = crl.issuingDistributionPoint;
  if (own !== null && !readStatusAddresses(fields).crl.some((uri) => own.includes(uri))) {
    return 'The CRL is that of another distribution point.';
  }
  if (!crl.issuerDer.equals(issuer.subjectDer)) return 'The CRL is that of another issuer.';
  if (!crl.verify(parsePublicKey(issuer.spkiDer))) return 'The signature of the CRL is wrong.';
  if (crl.thisUpdate.getTime() > now.getTime() + CLOCK_SKEW_MS) {
    return `The CRL is from the future (thisUpdate ${crl.thisUpdate.toISOString()}).`;
  }
  if (crl.nextUpdate.getTime() < now.getTime() - CLOCK_SKEW_MS) {
    return `The CRL has expired (nextUpdate ${crl.nextUpdate.toISOString()}).`;
  }
  return null;
}

function toCheck(url: string, crl: ParsedCrl, { fields }: CheckedCertificate): StatusCheck {
  const entry = crl.find(fields.serialNumber);
  const entries = crl.entryCount === 1 ? '1 entry' : `${crl.entryCount} entries`;
  return {
    source: 'crl',
    url,
    outcome: entry === null ? 'good' : 'revoked',
    revokedAt: entry?.revokedAt ?? null,
    reason: entry?.reason ?? null,
    thisUpdate: crl.thisUpdate,
    nextUpdate: crl.nextUpdate,
    detail: `signed by the issuer, number ${crl.crlNumber}, ${entries}`,
  };
}
