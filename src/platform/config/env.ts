import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { parseTrustedProxies } from '../http/trusted-proxies.js';
import { AUDIT_VARIABLES, toAuditConfig, type AuditConfig } from './audit-variables.js';
import { OCSP_VARIABLES, toOcspConfig, type OcspConfig } from './ocsp-variables.js';
import { duration, integer, masterKey, port, size, webUrl } from './variable-types.js';

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
  CERTPLANE_CLIENT_CA_FILE: z
    .string()
    .optional()
    .describe(
      'The CAs (PEM) whose client certificates are accepted instead of an API key. Unset: the HTTPS listener asks for none.',
    ),
  CERTPLANE_CLIENT_ROLES_FILE: z
    .string()
    .optional()
    .describe(
      'Which client certificate has which role: a JSON array of `{"subject" | "dns" | "email" | "uri", "role", "issuer_ids"?, "profiles"?}`.',
    ),
  CERTPLANE_CLIENT_CRL_FILE: z
    .string()
    .optional()
    .describe(
      'The CRLs (PEM, or one in DER) of those CAs that are not issuers of this instance; read again when it changes. Without a CRL that holds, their client certificates are refused.',
    ),
  CERTPLANE_MAX_BODY_SIZE: size('16KiB', '64MiB')
    .prefault('1MiB')
    .describe('The largest request body of the REST interface.'),
  CERTPLANE_CRL_VALIDITY: duration('10m', '10d').prefault('4d').describe('From thisUpdate to nextUpdate of a CRL.'),
  CERTPLANE_HTTP_MAX_AGE: duration('0s', '1d')
    .prefault('1h')
    .describe(
      'The most that caches on the way may keep an OCSP answer or a CRL. A longer time undoes instant revocation in caches that are not ours.',
    ),
  ...OCSP_VARIABLES,
  CERTPLANE_RATE_LIMIT_RPS: integer(0, 100_000)
    .prefault('50')
    .describe(
      'How many calls of the REST interface a principal (an API key, a client certificate) may make a second in the long run, over all instances. 0: no limit.',
    ),
  CERTPLANE_RATE_LIMIT_BURST: integer(1, 1_000_000)
    .prefault('100')
    .describe('How many of them it may make at once after a pause.'),
  CERTPLANE_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR: integer(0, 1_000_000)
    .prefault('50')
    .describe(
      'How many certificates a principal may export within an hour of its first export, over all instances. 0: no limit.',
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
  ...AUDIT_VARIABLES,
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
  'CERTPLANE_AUDIT_WEBHOOK_SECRET',
] as const;

/** What the command line reads: no fault where it stands in the environment of the server too. */
const COMMAND_LINE_VARIABLES: readonly string[] = [
  'CERTPLANE_URL',
  'CERTPLANE_API_KEY',
  'CERTPLANE_API_KEY_FILE',
  'CERTPLANE_CA_FILE',
];

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
  /** Null: no client certificates are asked for. */
  readonly clientCertificates: {
    readonly caFile: string;
    readonly rolesFile: string;
    readonly crlFile: string | null;
  } | null;
  readonly maxBodyBytes: number;
  readonly httpMaxAge: number;
  readonly ocsp: OcspConfig;
  /** Calls of one principal over all instances; `rps` 0 is no limit. */
  readonly rateLimit: { readonly rps: number; readonly burst: number };
  /** Exports of one principal within an hour; 0 is no limit. */
  readonly certExportRateLimit: number;
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
  readonly audit: AuditConfig;
  readonly logLevel: LogLevel;
}

/**
 * Reads the configuration from an environment.
 * @throws ConfigurationError that lists every fault at once; it never holds a value, for values may be secrets.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const faults: string[] = [];
  const values = withFileValues(environment, faults);
  const known: ReadonlySet<string> = new Set([...Object.keys(ENVIRONMENT.shape), ...COMMAND_LINE_VARIABLES]);
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
    clientCertificates:
      env.CERTPLANE_CLIENT_CA_FILE !== undefined && env.CERTPLANE_CLIENT_ROLES_FILE !== undefined
        ? {
            caFile: env.CERTPLANE_CLIENT_CA_FILE,
            rolesFile: env.CERTPLANE_CLIENT_ROLES_FILE,
            crlFile: env.CERTPLANE_CLIENT_CRL_FILE ?? null,
          }
        : null,
    maxBodyBytes: env.CERTPLANE_MAX_BODY_SIZE,
    httpMaxAge: env.CERTPLANE_HTTP_MAX_AGE,
    ocsp: toOcspConfig(env),
    crl: {
      validity: env.CERTPLANE_CRL_VALIDITY,
      generationInterval: env.CERTPLANE_CRL_GENERATION_INTERVAL,
      rebuildDelay: env.CERTPLANE_CRL_REBUILD_DELAY,
      deltaInterval: env.CERTPLANE_CRL_DELTA_INTERVAL,
      memoryMax: env.CERTPLANE_CRL_MEMORY_MAX,
    },
    rateLimit: { rps: env.CERTPLANE_RATE_LIMIT_RPS, burst: env.CERTPLANE_RATE_LIMIT_BURST },
    certExportRateLimit: env.CERTPLANE_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR,
    trustedProxies: env.CERTPLANE_TRUSTED_PROXIES,
    workers: env.CERTPLANE_WORKERS,
    audit: toAuditConfig(env),
    logLevel: env.CERTPLANE_LOG_LEVEL,
  };
}

interface CrossCheck {
  readonly names: readonly [keyof Environment, keyof Environment];
  readonly fits: (env: Environment) => boolean;
  readonly fault: string;
}

function needs(name: keyof Environment, other: keyof Environment): CrossCheck {
  return {
    names: [name, other],
    fits: (env) => env[name] === undefined || env[other] !== undefined,
    fault: `${name} needs ${other}`,
  };
}

const CROSS_CHECKS: readonly CrossCheck[] = [
  {
    names: ['CERTPLANE_TLS_CERT_FILE', 'CERTPLANE_TLS_KEY_FILE'],
    fits: (env) => (env.CERTPLANE_TLS_CERT_FILE === undefined) === (env.CERTPLANE_TLS_KEY_FILE === undefined),
    fault: 'CERTPLANE_TLS_CERT_FILE and CERTPLANE_TLS_KEY_FILE must be set together',
  },
  {
    names: ['CERTPLANE_CLIENT_CA_FILE', 'CERTPLANE_CLIENT_ROLES_FILE'],
    fits: (env) => (env.CERTPLANE_CLIENT_CA_FILE === undefined) === (env.CERTPLANE_CLIENT_ROLES_FILE === undefined),
    fault: 'CERTPLANE_CLIENT_CA_FILE and CERTPLANE_CLIENT_ROLES_FILE must be set together',
  },
  {
    names: ['CERTPLANE_CLIENT_CRL_FILE', 'CERTPLANE_CLIENT_CA_FILE'],
    fits: (env) => env.CERTPLANE_CLIENT_CRL_FILE === undefined || env.CERTPLANE_CLIENT_CA_FILE !== undefined,
    fault: 'CERTPLANE_CLIENT_CRL_FILE needs CERTPLANE_CLIENT_CA_FILE',
  },
  needs('CERTPLANE_AUDIT_SYSLOG_CA_FILE', 'CERTPLANE_AUDIT_SYSLOG_URL'),
  needs('CERTPLANE_AUDIT_WEBHOOK_CA_FILE', 'CERTPLANE_AUDIT_WEBHOOK_URL'),
  needs('CERTPLANE_AUDIT_WEBHOOK_SECRET', 'CERTPLANE_AUDIT_WEBHOOK_URL'),
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
