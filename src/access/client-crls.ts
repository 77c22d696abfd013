import { readFile, stat } from 'node:fs/promises';
import type { CertificateFields } from '../pki/certificate-fields.js';
import { parseCrl, type ParsedCrl } from '../pki/crl-parser.js';
import { parsePem } from '../pki/pem.js';
import { isSignedWith } from '../pki/signed-object.js';
import type { Logger } from '../platform/logging/logger.js';

const FILE_MAX_BYTES = 256 << 20;
const FILE_LIMITS = { bytes: FILE_MAX_BYTES, blocks: 1000 };
const PEM_BEGIN = Buffer.from('-----BEGIN ');

interface Crl {
  readonly der: Buffer;
  readonly parsed: ParsedCrl;
  /** Serial numbers in latin1. */
  readonly revoked: ReadonlySet<string>;
  /** By the DER of the public key: whether it made the signature. */
  readonly signers: Map<string, Promise<boolean>>;
}

/** What a CRL says of a certificate. `unknown`: there is none of this issuer, or it has expired. */
export type CrlStatus = 'good' | 'revoked' | 'unknown';

/** The CRLs of other people's CAs, from a file that something else keeps up to date. It is read again when it changes. */
export class ClientCrls {
  private version = '';
  private reading: Promise<readonly Crl[]> = Promise.resolve([]);

  constructor(
    private readonly file: string,
    private readonly logger: Logger,
  ) {}

  async find(issuer: CertificateFields, serialNumber: Buffer, now: Date): Promise<CrlStatus> {
    const crls = await this.current();
    let status: CrlStatus = 'unknown';
    for (const crl of crls) {
      const { issuerDer, thisUpdate, nextUpdate } = crl.parsed;
      const applies = issuerDer.equals(issuer.subjectDer) && thisUpdate <= now && now < nextUpdate;
      if (!applies || !(await isSignedByIssuer(crl, issuer))) continue;
      if (crl.revoked.has(serialNumber.toString('latin1'))) return 'revoked';
      status = 'good';
    }
    return status;
  }

  /** A file that can't be read holds no CRL: then everybody is refused. */
  private async current(): Promise<readonly Crl[]> {
    const version = await versionOf(this.file);
    if (version !== this.version) {
      this.version = version;
      this.reading = this.read();
    }
    return this.reading;
  }

  private async read(): Promise<readonly Crl[]> {
    try {
      return readCrls(await readFile(this.file));
    } catch (error) {
      this.logger.error({ err: error, file: this.file }, 'the CRLs of client certificates can’t be used');
      return [];
    }
  }
}

async function versionOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return 'missing';
  }
}

function readCrls(bytes: Buffer): Crl[] {
  if (bytes.length > FILE_MAX_BYTES) throw new Error(`the file has more than ${FILE_MAX_BYTES} bytes`);
  const ders = bytes.includes(PEM_BEGIN) ? parsePem(bytes.toString('latin1'), 'X509 CRL', FILE_LIMITS) : [bytes];
  return ders.flatMap((der) => {
    const parsed = parseCrl(der);
    // A delta or a shard says nothing of the certificates that are not on it.
    if (parsed.baseCrlNumber !== null || parsed.issuingDistributionPoint !== null) return [];
    const revoked = new Set<string>();
    for (const { serialNumber } of parsed.entries()) revoked.add(serialNumber.toString('latin1'));
    return [{ der, parsed, revoked, signers: new Map() }];
  });
}

function isSignedByIssuer({ der, signers }: Crl, { spkiDer }: CertificateFields): Promise<boolean> {
  const key = spkiDer.toString('latin1');
  const known = signers.get(key) ?? isSignedWith(der, spkiDer);
  signers.set(key, known);
  return known;
}
