import { PkiError } from './pki-error.js';

/** The labels of RFC 7468 that are read here, and the two older names for private keys. */
export type PemLabel =
  | 'CERTIFICATE'
  | 'CERTIFICATE REQUEST'
  | 'X509 CRL'
  | 'PUBLIC KEY'
  | 'PRIVATE KEY'
  | 'ENCRYPTED PRIVATE KEY'
  | 'EC PRIVATE KEY'
  | 'RSA PRIVATE KEY';

export interface PemLimits {
  /** The longest text, in characters, with everything around the blocks. */
  readonly bytes: number;
  readonly blocks: number;
}

interface PemBlock {
  readonly label: string;
  readonly body: string;
}

const DEFAULT_LIMITS: PemLimits = { bytes: 64 * 1024, blocks: 16 };
const LABEL = /^[A-Z0-9][A-Z0-9 ]{0,39}$/;

/**
 * The DER of each block of this label, in order and at least one (RFC 7468). Line ends, indentation and text around the
 * blocks do not matter, and blocks with other labels are passed over.
 * @throws PkiError `invalid_pem`
 */
export function parsePem(text: string, label: PemLabel, max: PemLimits = DEFAULT_LIMITS): Buffer[] {
  const blocks = scanBlocks(text, max);
  const wanted = blocks.filter((block) => block.label === label || block.label === aliasOf(label));
  if (wanted.length === 0) {
    const found = [...new Set(blocks.map((block) => block.label))].join(', ');
    fail(found === '' ? `There is no PEM block "${label}".` : `There is no PEM block "${label}", only: ${found}.`);
  }
  return wanted.map(decodeBody);
}

/** The labels of the blocks, in order. @throws PkiError `invalid_pem` */
export function listPemLabels(text: string, max: PemLimits = DEFAULT_LIMITS): string[] {
  return scanBlocks(text, max).map((block) => block.label);
}

/** One PEM block in lines of 64 characters that ends with a newline. */
export function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der.buffer, der.byteOffset, der.byteLength)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

// RFC 7468 section 7: parsers may treat the older label as the same thing.
function aliasOf(label: PemLabel): string | null {
  return label === 'CERTIFICATE REQUEST' ? 'NEW CERTIFICATE REQUEST' : null;
}

/** Goes through the text once, from marker to marker: linear whatever the text. */
function scanBlocks(text: string, max: PemLimits): PemBlock[] {
  if (text.length > max.bytes)
    fail(`The PEM text is ${text.length} characters long; at most ${max.bytes} are accepted.`);
  const blocks: PemBlock[] = [];
  for (let begin = text.indexOf('-----BEGIN '); begin >= 0;) {
    if (blocks.length === max.blocks) fail(`The PEM text has more than ${max.blocks} blocks.`);
    const labelStart = begin + '-----BEGIN '.length;
    const labelEnd = text.indexOf('-----', labelStart);
    const label = text.slice(labelStart, Math.max(labelEnd, labelStart));
    if (!LABEL.test(label)) fail('A PEM block has no well-formed "-----BEGIN …-----" line.');
    const bodyStart = labelEnd + '-----'.length;
    const bodyEnd = text.indexOf('-----', bodyStart);
    const endMarker = `-----END ${label}-----`;
    if (bodyEnd < 0 || !text.startsWith(endMarker, bodyEnd))
      fail(`The PEM block "${label}" does not end with ${endMarker}.`);
    blocks.push({ label, body: text.slice(bodyStart, bodyEnd) });
    begin = text.indexOf('-----BEGIN ', bodyEnd + endMarker.length);
  }
  return blocks;
}

function decodeBody({ label, body }: PemBlock): Buffer {
  if (body.includes(':')) fail(`The PEM block "${label}" has header lines; encrypted PEM is not accepted.`);
  const base64 = body.replace(/[ \t\r\n\v\f]+/g, '');
  const der = Buffer.from(base64, 'base64');
  // Buffer.from skips what it does not know: only a text that comes back unchanged was base64.
  if (der.toString('base64') !== base64) fail(`The PEM block "${label}" is not valid base64.`);
  if (der.length === 0) fail(`The PEM block "${label}" is empty.`);
  return der;
}

function fail(message: string): never {
  throw new PkiError('invalid_pem', message);
}
