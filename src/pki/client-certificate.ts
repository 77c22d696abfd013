import { Buffer } from 'node:buffer';
import { parseCertificateFields, type CertificateFields } from './certificate-fields.js';
import { DerError, DerReader } from './der-reader.js';
import { contextTag, TAG } from './der-tags.js';
import { formatDistinguishedName } from './distinguished-name.js';
import { OID } from './object-identifiers.js';
import { PkiError } from './pki-error.js';

/** What a client certificate says of who presents it. */
export interface ClientCertificate {
  readonly fields: CertificateFields;
  /** RFC 4514. */
  readonly subject: string;
  /** The subject alternative names, as {@link canonicalClientName} writes them. */
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  /** Whether its extendedKeyUsage says clientAuth. Without that extension, or with anyExtendedKeyUsage alone, it does not. */
  readonly clientAuth: boolean;
}

export type ClientNameKind = 'dns' | 'email' | 'uri';

// RFC 5280 section 4.2.1.6
const NAME_TAGS: readonly (readonly [ClientNameKind, number])[] = [
  ['email', contextTag(1)],
  ['dns', contextTag(2)],
  ['uri', contextTag(6)],
];

/** Reads a certificate that somebody presents. No signature is checked. Throws PkiError('invalid_certificate', 'invalid_name'). */
export function parseClientCertificate(der: Uint8Array): ClientCertificate {
  const fields = parseCertificateFields(der);
  const names = fields.extensions.get(OID.subjectAltName)?.value;
  const usage = fields.extensions.get(OID.extKeyUsage)?.value;
  try {
    return {
      fields,
      subject: formatDistinguishedName(fields.subjectDer),
      ...readNames(names),
      clientAuth: usage !== undefined && DerReader.readAll(usage, readUsages).includes(OID.kpClientAuth),
    };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new PkiError('invalid_certificate', `The certificate has a malformed extension: ${error.message}.`);
  }
}

/** Whether its basicConstraints say cA (RFC 5280 section 4.2.1.9). */
export function isCaCertificate({ extensions }: CertificateFields): boolean {
  const value = extensions.get(OID.basicConstraints)?.value;
  if (value === undefined) return false;
  try {
    const constraints = new DerReader(value).readSequence();
    return constraints.peekTag() === TAG.boolean && constraints.readBoolean();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return false;
  }
}

/** What does not matter in a name is in lower case: the domain. A local part and a URI are taken as they are. */
export function canonicalClientName(kind: ClientNameKind, name: string): string {
  if (kind === 'uri') return name;
  const domain = kind === 'dns' ? 0 : name.lastIndexOf('@') + 1;
  return name.slice(0, domain) + name.slice(domain).toLowerCase();
}

function readNames(extension: Buffer | undefined): Record<ClientNameKind, string[]> {
  const names: Record<ClientNameKind, string[]> = { dns: [], email: [], uri: [] };
  if (extension === undefined) return names;
  DerReader.readAll(extension, (reader) => {
    const list = reader.readSequence();
    while (!list.atEnd) {
      const kind = NAME_TAGS.find(([, tag]) => tag === list.peekTag())?.[0];
      if (kind === undefined) list.skip();
      else names[kind].push(canonicalClientName(kind, list.readBytes(list.peekTag()!).toString('latin1')));
    }
  });
  return names;
}

function readUsages(reader: DerReader): string[] {
  const list = reader.readSequence();
  const usages: string[] = [];
  while (!list.atEnd) usages.push(list.readOid());
  return usages;
}
