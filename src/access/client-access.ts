import { readFileSync } from 'node:fs';
import { parseCertificateFields, type CertificateFields } from '../pki/certificate-fields.js';
import { isCaCertificate } from '../pki/client-certificate.js';
import { formatDistinguishedName } from '../pki/distinguished-name.js';
import { parsePublicKey } from '../pki/key-strength.js';
import { parsePem } from '../pki/pem.js';
import { PkiError } from '../pki/pki-error.js';
import type { Config } from '../platform/config/env.js';
import { StartError } from '../platform/errors/start-error.js';
import { parseClientRoles, type ClientRole } from './client-roles.js';

const CA_FILE_LIMITS = { bytes: 4 << 20, blocks: 1000 };

/** A certificate of a CA whose client certificates are accepted. */
export interface ClientCa {
  readonly der: Buffer;
  readonly fields: CertificateFields;
}

/** Who may come with a client certificate. Read once, at the start. */
export class ClientAccess {
  constructor(
    readonly cas: readonly ClientCa[],
    readonly roles: readonly ClientRole[],
    /** Where the CRLs of CAs that are not ours lie. */
    readonly crlFile: string | null,
  ) {}
}

/** Injection token of the {@link ClientAccess}; null where client certificates are not asked for. */
export const CLIENT_ACCESS = Symbol('ClientAccess');

/** @throws StartError that lists every fault of the files at once */
export function loadClientAccess({
  clientCertificates: config,
}: Pick<Config, 'clientCertificates'>): ClientAccess | null {
  if (config === null) return null;
  const faults: string[] = [];
  const fail = (variable: string, fault: string): void => void faults.push(`${variable}: ${fault}`);
  const cas = readCas(config.caFile, (fault) => fail('CERTPLANE_CLIENT_CA_FILE', fault));
  const roles = readRoles(config.rolesFile, (fault) => fail('CERTPLANE_CLIENT_ROLES_FILE', fault));
  if (faults.length > 0) throw new StartError(`Client certificates can't be set up:\n  ${faults.join('\n  ')}`);
  return new ClientAccess(cas, roles, config.crlFile);
}

function readCas(file: string, fail: (fault: string) => void): ClientCa[] {
  const text = readText(file, fail);
  if (text === null) return [];
  try {
    return parsePem(text, 'CERTIFICATE', CA_FILE_LIMITS).map((der) => {
      const fields = parseCertificateFields(der);
      parsePublicKey(fields.spkiDer);
      if (!isCaCertificate(fields)) {
        throw new PkiError(
          'invalid_certificate',
          `${formatDistinguishedName(fields.subjectDer)} is not a CA certificate.`,
        );
      }
      return { der, fields };
    });
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    fail(error.message);
    return [];
  }
}

function readRoles(file: string, fail: (fault: string) => void): readonly ClientRole[] {
  const text = readText(file, fail);
  if (text === null) return [];
  const parsed = parseClientRoles(text);
  if ('roles' in parsed) return parsed.roles;
  for (const fault of parsed.faults) fail(fault);
  return [];
}

function readText(file: string, fail: (fault: string) => void): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    fail(`it can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown fault'})`);
    return null;
  }
}
