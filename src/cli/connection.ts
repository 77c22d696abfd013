import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { CertplaneClient } from '../../clients/typescript/src/client.js';
import type { Options } from './command.js';
import { usageFailure } from './failure.js';
import { readText } from './local-files.js';

/** What every command takes that asks Certplane. */
export const CONNECTION_OPTIONS = {
  url: { value: 'URL', summary: 'Where Certplane is. CERTPLANE_URL, or https://localhost:8443' },
  'key-file': {
    value: 'FILE',
    file: true,
    summary: 'The file with the API key. CERTPLANE_API_KEY_FILE, CERTPLANE_API_KEY, or ./data/admin.key',
  },
  ca: {
    value: 'FILE',
    file: true,
    summary: 'The CAs to trust (PEM). CERTPLANE_CA_FILE, or ./data/ca.pem and those that Node.js trusts',
  },
  'client-cert': { value: 'FILE', file: true, summary: 'A client certificate (PEM), instead of an API key' },
  'client-key': { value: 'FILE', file: true, summary: 'Its private key (PEM)' },
} as const satisfies Options;

export type ConnectionSettings = { readonly [K in keyof typeof CONNECTION_OPTIONS]: string | undefined };
type Environment = Readonly<Record<string, string | undefined>>;

export interface Connection {
  readonly client: CertplaneClient;
  /** Null with a client certificate alone. */
  readonly keySource: string | null;
}

interface ApiKey {
  readonly key: string;
  readonly source: string;
}

/**
 * What the options say; where they say nothing, the environment; and where that says nothing either, the data directory
 * of a Certplane on this machine.
 * @throws Failure
 */
export function connect(settings: ConnectionSettings, environment: Environment): Connection {
  const clientCertificate = readClientCertificate(settings);
  const apiKey = findApiKey(settings, environment);
  if (apiKey === null && clientCertificate === null) throw noApiKey(dataDirOf(environment));
  const options = {
    url: settings.url ?? given(environment, 'CERTPLANE_URL') ?? localUrl(environment),
    ca: findTrusted(settings, environment),
    apiKey: apiKey?.key,
    ...(clientCertificate === null ? {} : { clientCertificate }),
  };
  try {
    return { client: new CertplaneClient(options), keySource: apiKey?.source ?? null };
  } catch (error) {
    throw usageFailure(`Can't use ${options.url}: ${(error as Error).message}.`, '--url or CERTPLANE_URL names it.');
  }
}

function localUrl(environment: Environment): string {
  const bound = given(environment, 'CERTPLANE_HOST') ?? 'localhost';
  const host = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(bound) ? 'localhost' : bound;
  return `https://${host.includes(':') ? `[${host}]` : host}:${given(environment, 'CERTPLANE_HTTPS_PORT') ?? '8443'}`;
}

function findApiKey(settings: ConnectionSettings, environment: Environment): ApiKey | null {
  const inEnvironment = given(environment, 'CERTPLANE_API_KEY');
  if (settings['key-file'] === undefined && inEnvironment !== undefined) {
    return checkApiKey(inEnvironment, 'CERTPLANE_API_KEY');
  }
  const named = settings['key-file'] ?? given(environment, 'CERTPLANE_API_KEY_FILE');
  if (named !== undefined) return checkApiKey(readText(named), named);
  const local = join(dataDirOf(environment), 'admin.key');
  const isUsed = settings['client-cert'] === undefined && existsSync(local);
  return isUsed ? checkApiKey(readText(local), local) : null;
}

function checkApiKey(text: string, source: string): ApiKey {
  const key = text.trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(key)) throw usageFailure(`${source} does not hold an API key.`);
  return { key, source };
}

function noApiKey(dataDir: string): Error {
  return usageFailure(
    `There is no API key: neither CERTPLANE_API_KEY nor CERTPLANE_API_KEY_FILE is set, and there is no ${join(dataDir, 'admin.key')}.`,
    'Name the file that holds it with --key-file.',
  );
}

/**
 * The CAs to trust (PEM), or undefined for those that Node.js trusts. What is named is trusted alone; the CA of a Certplane
 * on this machine, besides all others.
 * @throws Failure
 */
export function findTrusted({ ca }: ConnectionSettings, environment: Environment): string | string[] | undefined {
  const named = ca ?? given(environment, 'CERTPLANE_CA_FILE');
  if (named !== undefined) return readText(named);
  const local = join(dataDirOf(environment), 'ca.pem');
  return existsSync(local) ? [...rootCertificates, readText(local)] : undefined;
}

/** An empty variable is an unset one. */
function given(environment: Environment, name: string): string | undefined {
  return environment[name] || undefined;
}

function dataDirOf(environment: Environment): string {
  return given(environment, 'CERTPLANE_DATA_DIR') ?? './data';
}

function readClientCertificate(settings: ConnectionSettings): { certificate: string; privateKey: string } | null {
  const { 'client-cert': certificate, 'client-key': privateKey } = settings;
  if (certificate === undefined && privateKey === undefined) return null;
  if (certificate === undefined || privateKey === undefined) {
    throw usageFailure('--client-cert and --client-key need each other.');
  }
  return { certificate: readText(certificate), privateKey: readText(privateKey) };
}
