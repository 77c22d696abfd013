import type { TLSSocket } from 'node:tls';
import { parseCertificateFields, type CertificateFields } from '../pki/certificate-fields.js';
import { isCaCertificate } from '../pki/client-certificate.js';
import { PkiError } from '../pki/pki-error.js';
import { isSignedWith } from '../pki/signed-object.js';
import type { ClientCa } from './client-access.js';

const CHAIN_MAX = 10;

/** A certificate and the one above it that signed it. */
export interface ChainLink {
  readonly certificate: CertificateFields;
  readonly issuer: CertificateFields;
  /** The operator trusts this certificate, or one below it, by name. */
  readonly isTrusted: boolean;
}

/** The DER that the client sent: its own certificate first, then what lies above it. Empty without a certificate. */
export function listPeerCertificates(socket: TLSSocket): Buffer[] {
  const list: Buffer[] = [];
  type Peer = ReturnType<typeof socket.getPeerCertificate> & { issuerCertificate?: Peer };
  let peer = socket.getPeerCertificate(true) as Peer | undefined;
  while (peer?.raw !== undefined && list.length < CHAIN_MAX && !list.some((der) => der.equals(peer!.raw))) {
    list.push(peer.raw);
    peer = peer.issuerCertificate;
  }
  return list;
}

/**
 * The way from the client's certificate up to one that is trusted, every signature verified, and beyond that one as far as the
 * issuers are known: what is trusted may itself have been revoked above. What else CAs may sign, and when, is TLS's to judge.
 * @param sent the client's certificate first, then whatever may lie above it
 * @returns null when the way does not lead to a trusted certificate; empty when the certificate itself is trusted
 */
export async function findClientChain(
  sent: readonly Buffer[],
  trusted: readonly ClientCa[],
): Promise<readonly ChainLink[] | null> {
  const known = [...trusted, ...sent.slice(1).flatMap(read)].filter(({ fields }) => isCaCertificate(fields));
  const links: ChainLink[] = [];
  let current = sent[0] === undefined ? undefined : read(sent[0])[0];
  let reached = false;
  while (current !== undefined && links.length < CHAIN_MAX) {
    const { der, fields } = current;
    reached ||= trusted.some((ca) => ca.der.equals(der));
    const issuer: ClientCa | undefined = fields.subjectDer.equals(fields.issuerDer)
      ? undefined
      : await findIssuer(der, fields, known);
    if (issuer !== undefined) links.push({ certificate: fields, issuer: issuer.fields, isTrusted: reached });
    current = issuer;
  }
  return reached && current === undefined ? links : null;
}

async function findIssuer(
  der: Buffer,
  { issuerDer }: CertificateFields,
  known: readonly ClientCa[],
): Promise<ClientCa | undefined> {
  for (const ca of known) {
    if (ca.fields.subjectDer.equals(issuerDer) && (await isSignedWith(der, ca.fields.spkiDer))) return ca;
  }
  return undefined;
}

function read(der: Buffer): ClientCa[] {
  try {
    return [{ der, fields: parseCertificateFields(der) }];
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return [];
  }
}
