import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { parseTrustedProxies } from '../http/trusted-proxies.js';
import { duration, flag, integer, list, masterKey, port, size, webUrl } from './variable-types.js';

/** Every variable that Certplane reads. The descriptions become docs/configuration.md. */
export const ENVIRONMENT = z.object({
  CERTPLANE_DATA_DIR: z
    .string()
    .default('./data')
    .describe(
      'Where the files of this instance live: the embedded PostgreSQL, `ca.pem`, `admin.key`, the generated master key and the TLS certificate.',
    ),
  CERTPLANE_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres:// or postgresql://')
    .optional()
    .describe('The PostgreSQL server (14 or later). Unset: an embedded PostgreSQL runs in the data directory.'),
  CERTPLANE_HOST: z.string().min(1).default('127.0.0.1').describe('The address that both listeners bind to.'),
  CERTPLANE_HTTPS_PORT: port(1)
    .prefault('8443')
    .describe('The HTTPS listener (TLS 1.3 only): the REST interface and the relying parties’ endpoints.'),
  CERTPLANE_PKI_HTTP_PORT: port(0)
    .prefault('8080')
    .describe('The plain HTTP listener: only `/.well-known/pki/*`. 0 turns it off.'),
  CERTPLANE_PKI_URL: webUrl
    .optional()
    .describe(
      'What is written into certificates as the base of the OCSP, CRL and CA certificate addresses. Unset: `http://localhost:<CERTPLANE_PKI_HTTP_PORT>`, which only this machine can reach.',
    ),
  CERTPLANE_MASTER_KEY: masterKey
    .optional()
    .describe('The key that wraps every private key: 32 bytes, base64 or hexadecimal. Unset: see the next variable.'),
  CERTPLANE_MASTER_KEY_FILE: z
    .string()
    .optional()
    .describe(
      'A file that holds the master key. If neither is set, one is made in the data directory on the first start, with a warning.',
    ),
  CERTPLANE_BOOTSTRAP_ADMIN_KEY: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(512, 'must have at most 512 characters')
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .optional()
    .describe('The first admin API key, used on an empty database only. Unset: a random one is made.'),
  CERTPLANE_TLS_CERT_FILE: z
    .string()
    .optional()
    .describe('The certificate chain (PEM) of the HTTPS listener. Unset: one is issued by `iss-local` and renewed.'),
  CERTPLANE_TLS_KEY_FILE: z.string().optional().describe('The private key (PEM) that goes with it.'),
  CERTPLANE_MAX_BODY_SIZE: size('16KiB', '64MiB')
    .prefault('1MiB')
    .describe('The largest request body of the REST interface.'),
  CERTPLANE_OCSP_VALIDITY: duration('10m', '10d')
    .prefault('24h')
    .describe('From thisUpdate to nextUpdate of an OCSP response. A response is replaced at half of it.'),
  CERTPLANE_CRL_VALIDITY: duration('10m', '10d').prefault('4d').describe('From thisUpdate to nextUpdate of a CRL.'),
  CERTPLANE_HTTP_MAX_AGE: duration('0s', '1d')
    .prefault('1h')
    .describe(
      'The most that caches on the way may keep an OCSP answer or a CRL. A longer time undoes instant revocation in caches that are not ours.',
    ),
  CERTPLANE_OCSP_RESPONDER_VALIDITY: duration('1h', '365d')
    .prefault('30d')
    .describe('The lifetime of a delegated OCSP responder certificate.'),
  CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE: duration('1m', '180d')
    .prefault('7d')
    .describe('How long before it expires a delegated OCSP responder certificate is replaced.'),
  CERTPLANE_OCSP_NONCE_MAX: integer(16, 128)
    .prefault('128')
    .describe('The longest nonce, in octets, that an OCSP request may have (RFC 9654: 1 to 128, at least 16 to 32).'),
  CERTPLANE_OCSP_ENABLED: flag
    .prefault('true')
    .describe('`false`: every OCSP path is 404, and certificates issued from then on name no OCSP responder.'),
  CERTPLANE_OCSP_LEASE: duration('1s', '60s')
    .prefault('5s')
    .describe(
      'How long an instance may answer OCSP from memory without having asked for new revocations. A revocation waits this long, once, for an instance that died. The same on all instances.',
    ),
  CERTPLANE_OCSP_MEMORY_MAX: size('1MiB', '64GiB')
    .prefault('256MiB')
    .describe('The most memory that one process gives to OCSP responses; those least recently used go first.'),
  CERTPLANE_OCSP_PRESIGN: z
    .enum(['eager', 'lazy'])
    .default('eager')
    .describe(
      '`eager`: a fresh response to every unexpired certificate lies ready in the database. `lazy`: a response is signed when it is first asked for.',
    ),
  CERTPLANE_OCSP_PRESIGN_HASHES: list(['sha1', 'sha256', 'sha384', 'sha512'])
    .prefault('sha1,sha256')
    .describe('The CertID hash algorithms that responses are signed for in advance, separated by commas.'),
  CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL: duration('1s', '12h')
    .prefault('1h')
    .describe('How often the responses that have passed half of their validity are replaced.'),
  CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: integer(0, 100_000_000)
    .prefault('1000')
    .describe('OCSP requests a minute from one source: an IPv4 address, or an IPv6 network of 64 bits. 0 is no limit.'),
  CERTPLANE_OCSP_REFUSAL: z
    .enum(['standard', 'unauthorized'])
    .default('standard')
    .describe(
      'What a refused OCSP request is told. `standard`: tryLater over the rate limit, malformedRequest for a bad nonce. `unauthorized`: that one answer for both.',
    ),
  CERTPLANE_TRUSTED_PROXIES: z
    .string()
    .transform((text, context) => {
      const parsed = parseTrustedProxies(text);
      if ('proxies' in parsed) return parsed.proxies;
      context.addIssue({ code: 'custom', message: parsed.fault });
      return z.NEVER;
    })
    .prefault('')
    .describe(
      'The networks (CIDR, separated by commas) whose X-Forwarded-For or Forwarded is believed. Nobody else’s is.',
    ),
  CERTPLANE_WORKERS: z
    .string()
    .regex(/^(auto|\d{1,3})$/, 'must be a number of processes, or auto')
    .transform((text) => (text === 'auto' ? availableParallelism() : Number(text)))
    .refine((count) => count >= 1 && count <= 256, 'must lie between 1 and 256')
    .prefault('1')
    .describe('How many processes share the ports; `auto` is one a core.'),
  CERTPLANE_CRL_GENERATION_INTERVAL: duration('1m', '7d')
    .prefault('1h')
    .describe('How often a CRL is rebuilt when nothing was revoked. A revocation rebuilds it within seconds.'),
  CERTPLANE_CRL_REBUILD_DELAY: duration('1s', '1h')
    .prefault('5s')
    .describe(
      'The shortest time between two builds of a CRL. A revocation is on it at once if the last build is as long ago, else when that time has passed.',
    ),
  CERTPLANE_CRL_DELTA_INTERVAL: duration('0s', '7d')
    .refine((seconds) => seconds === 0 || seconds >= 60, 'must be 0s, or lie between 1m and 7d')
    .prefault('0s')
    .describe(
      'How often a delta CRL is rebuilt when nothing was revoked, for the issuers that do not say otherwise. `0s`: there are none.',
    ),
  CERTPLANE_CRL_MEMORY_MAX: size('1MiB', '64GiB')
    .prefault('512MiB')
    .describe('The most memory that one process gives to CRLs that it serves; those least recently used go first.'),
  CERTPLANE_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('What is logged (JSON lines on standard error).'),
});

/** Variables whose value may stand in a file that `<NAME>_FILE` names, so that a secret need not be in the environment. */
export const FILE_VARIABLES = [
  'CERTPLANE_DATABASE_URL',
  'CERTPLANE_MASTER_KEY',
  'CERTPLANE_BOOTSTRAP_ADMIN_KEY',
] as const;

export class ConfigurationError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'ConfigurationError';
  }
}

export type LogLevel = z.output<typeof ENVIRONMENT>['CERTPLANE_LOG_LEVEL'];

/** The configuration in the words of the program; all durations are seconds. */
export interface Config {
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  readonly host: string;
  readonly httpsPort: number;
  /** 0 when the plain listener is off. */
  readonly pkiHttpPort: number;
  /** Without a trailing slash. */
  readonly pkiUrl: string;
  readonly pkiUrlIsDefault: boolean;
  /** Null: the master key lives in the data directory. */
  readonly masterKey: Buffer | null;
  readonly bootstrapAdminKey: string | null;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly maxBodyBytes: number;
  readonly httpMaxAge: number;
  readonly ocsp: {
    readonly validity: number;
    readonly responderValidity: number;
    readonly responderRotationGrace: number;
    /** Octets. */
    readonly nonceMax: number;
    readonly enabled: boolean;
    readonly lease: number;
    /** Bytes. */
    readonly memoryMax: number;
    readonly presign: 'eager' | 'lazy';
    readonly presignHashes: readonly ('sha1' | 'sha256' | 'sha384' | 'sha512')[];
    readonly refreshInterval: number;
    /** 0 is no limit. */
    readonly rateLimitPerMinute: number;
    readonly refusal: 'standard' | 'unauthorized';
  };
  readonly trustedProxies: readonly string[];
  readonly workers: number;
  readonly crl: {
    readonly validity: number;
    readonly generationInterval: number;
    readonly rebuildDelay: number;
    /** 0: no delta CRLs. */
    readonly deltaInterval: number;
    /** Bytes. */
    readonly memoryMax: number;
  };
  readonly logLevel: LogLevel;
}

/**
 * Reads the configuration from an environment.
 * @throws ConfigurationError that lists every fault at once; it never holds a value, for values may be secrets.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = [];
  const values = withFileValues(environment, faults);
  const known: ReadonlySet<string> = new Set(Object.keys(ENVIRONMENT.shape));
  for (const name of Object.keys(values)) {
    if (name.startsWith('CERTPLANE_') && !known.has(name)) faults.push(`${name} is not a variable of Certplane`);
  }
  const parsed = ENVIRONMENT.safeParse(values);
  const wrong = new Set(parsed.success ? [] : parsed.error.issues.map((issue) => String(issue.path[0])));
  if (!parsed.success) {
    faults.push(...parsed.error.issues.map((issue) => `${String(issue.path[0])} ${describeIssue(issue)}`));
  }
  faults.push(...crossFaults(values, wrong));
  if (!parsed.success || faults.length > 0) throw new ConfigurationError(faults);
  return Object.freeze(toConfig(parsed.data));
}

type Environment = z.output<typeof ENVIRONMENT>;

function toConfig(env: Environment): Config {
  const ownUrl =
    env.CERTPLANE_PKI_HTTP_PORT === 0
      ? `https://localhost:${env.CERTPLANE_HTTPS_PORT}`
      : `http://localhost:${env.CERTPLANE_PKI_HTTP_PORT}`;
  return {
    dataDir: env.CERTPLANE_DATA_DIR,
    databaseUrl: env.CERTPLANE_DATABASE_URL ?? null,
    host: env.CERTPLANE_HOST,
    httpsPort: env.CERTPLANE_HTTPS_PORT,
    pkiHttpPort: env.CERTPLANE_PKI_HTTP_PORT,
    pkiUrl: env.CERTPLANE_PKI_URL ?? ownUrl,
    pkiUrlIsDefault: env.CERTPLANE_PKI_URL === undefined,
    masterKey: env.CERTPLANE_MASTER_KEY ?? null,
    bootstrapAdminKey: env.CERTPLANE_BOOTSTRAP_ADMIN_KEY ?? null,
    tls:
      env.CERTPLANE_TLS_CERT_FILE !== undefined && env.CERTPLANE_TLS_KEY_FILE !== undefined
        ? { certFile: env.CERTPLANE_TLS_CERT_FILE, keyFile: env.CERTPLANE_TLS_KEY_FILE }
        : null,
    maxBodyBytes: env.CERTPLANE_MAX_BODY_SIZE,
    httpMaxAge: env.CERTPLANE_HTTP_MAX_AGE,
    ocsp: {
      validity: env.CERTPLANE_OCSP_VALIDITY,
      responderValidity: env.CERTPLANE_OCSP_RESPONDER_VALIDITY,
      responderRotationGrace: env.CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE,
      nonceMax: env.CERTPLANE_OCSP_NONCE_MAX,
      enabled: env.CERTPLANE_OCSP_ENABLED,
      lease: env.CERTPLANE_OCSP_LEASE,
      memoryMax: env.CERTPLANE_OCSP_MEMORY_MAX,
      presign: env.CERTPLANE_OCSP_PRESIGN,
      presignHashes: env.CERTPLANE_OCSP_PRESIGN_HASHES,
      refreshInterval: env.CERTPLANE_OCSP_CACHE_REFRESH_INTERVAL,
      rateLimitPerMinute: env.CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN,
      refusal: env.CERTPLANE_OCSP_REFUSAL,
    },
    crl: {
      validity: env.CERTPLANE_CRL_VALIDITY,
      generationInterval: env.CERTPLANE_CRL_GENERATION_INTERVAL,
      rebuildDelay: env.CERTPLANE_CRL_REBUILD_DELAY,
      deltaInterval: env.CERTPLANE_CRL_DELTA_INTERVAL,
      memoryMax: env.CERTPLANE_CRL_MEMORY_MAX,
    },
    trustedProxies: env.CERTPLANE_TRUSTED_PROXIES,
    workers: env.CERTPLANE_WORKERS,
    logLevel: env.CERTPLANE_LOG_LEVEL,
  };
}

interface CrossCheck {
  readonly names: readonly [keyof Environment, keyof Environment];
  readonly fits: (env: Environment) => boolean;
  readonly fault: string;
}

const CROSS_CHECKS: readonly CrossCheck[] = [
  {
    names: ['CERTPLANE_TLS_CERT_FILE', 'CERTPLANE_TLS_KEY_FILE'],
    fits: (env) => (env.CERTPLANE_TLS_CERT_FILE === undefined) === (env.CERTPLANE_TLS_KEY_FILE === undefined),
    fault: 'CERTPLANE_TLS_CERT_FILE and CERTPLANE_TLS_KEY_FILE must be set together',
  },
  {
    names: ['CERTPLANE_HTTPS_PORT', 'CERTPLANE_PKI_HTTP_PORT'],
    fits: (env) => env.CERTPLANE_HTTPS_PORT !== env.CERTPLANE_PKI_HTTP_PORT,
    fault: 'CERTPLANE_HTTPS_PORT and CERTPLANE_PKI_HTTP_PORT must differ',
  },
  {
    names: ['CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE', 'CERTPLANE_OCSP_RESPONDER_VALIDITY'],
    fits: (env) => env.CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE * 2 <= env.CERTPLANE_OCSP_RESPONDER_VALIDITY,
    fault: 'CERTPLANE_OCSP_RESPONDER_ROTATION_GRACE must be at most half of CERTPLANE_OCSP_RESPONDER_VALIDITY',
  },
  {
    names: ['CERTPLANE_CRL_GENERATION_INTERVAL', 'CERTPLANE_CRL_VALIDITY'],
    fits: (env) => env.CERTPLANE_CRL_GENERATION_INTERVAL * 2 <= env.CERTPLANE_CRL_VALIDITY,
    fault: 'CERTPLANE_CRL_GENERATION_INTERVAL must be at most half of CERTPLANE_CRL_VALIDITY',
  },
];

/** What does not fit together, among the variables that are right by themselves. */
function crossFaults(values: Record<string, string | undefined>, wrong: ReadonlySet<string>): string[] {
  const right = Object.entries(values).filter(([name]) => !wrong.has(name));
  const env = ENVIRONMENT.parse(Object.fromEntries(right));
  const checks = CROSS_CHECKS.filter(({ names }) => !names.some((name) => wrong.has(name)));
  return checks.filter(({ fits }) => !fits(env)).map(({ fault }) => fault);
}

function withFileValues(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): Record<string, string | undefined> {
  const values: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(environment)) {
    // An empty variable is an unset one: that is how compose files leave one out.
    if (name.startsWith('CERTPLANE_') && value !== undefined && value !== '') values[name] = value;
  }
  for (const name of FILE_VARIABLES) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) faults.push(`${name} and ${name}_FILE must not both be set`);
    delete values[`${name}_FILE`];
    try {
      values[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      faults.push(`${name}_FILE can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown fault'}`);
    }
  }
  return values;
}

function describeIssue(issue: { code: string; message: string }): string {
  return issue.code === 'invalid_value' ? `must be one of the documented values (${issue.message})` : issue.message;
}
