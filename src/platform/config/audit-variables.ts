import { z } from 'zod';

/** RFC 5425 section 4.1. */
const SYSLOG_TLS_PORT = 6514;

/** The variables that say where the audit trail is forwarded. */
export const AUDIT_VARIABLES = {
  CERTPLANE_AUDIT_SYSLOG_URL: z
    .string()
    .refine((text) => findSyslogTarget(text) !== null, 'must be written syslog+tls://host or syslog+tls://host:port')
    .transform((text) => findSyslogTarget(text)!)
    .optional()
    .describe(
      'Where the sealed audit trail is forwarded as syslog over TLS (RFC 5424, RFC 5425): `syslog+tls://host:port`, port 6514 if none is given. At least once, and from where it stopped after an outage.',
    ),
  CERTPLANE_AUDIT_SYSLOG_CA_FILE: z
    .string()
    .optional()
    .describe('The CAs (PEM) of that server. Unset: those that Node.js trusts.'),
  CERTPLANE_AUDIT_WEBHOOK_URL: z
    .string()
    .refine(isWebhookUrl, 'must be an https URL without credentials and fragment; http only on the loopback interface')
    .optional()
    .describe(
      'Where the sealed audit trail is sent by POST (NDJSON, as it is exported). At least once, and from where it stopped after an outage; any answer but 2xx is one.',
    ),
  CERTPLANE_AUDIT_WEBHOOK_CA_FILE: z
    .string()
    .optional()
    .describe('The CAs (PEM) of that server. Unset: those that Node.js trusts.'),
  CERTPLANE_AUDIT_WEBHOOK_SECRET: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(512, 'must have at most 512 characters')
    .optional()
    .describe(
      'Signs what is sent there: `Certplane-Signature: t=<Unix time>,v1=<hexadecimal HMAC-SHA-256 of "<t>.<body>">`.',
    ),
  CERTPLANE_AUDIT_WEBHOOK_SECRET_FILE: z.string().optional().describe('A file that holds that secret.'),
};

/** Where the audit trail is forwarded; null is nowhere. */
export interface AuditConfig {
  readonly syslog: SyslogConfig | null;
  readonly webhook: WebhookConfig | null;
}

export interface SyslogConfig {
  readonly host: string;
  readonly port: number;
  /** Null: the CAs that Node.js trusts. */
  readonly caFile: string | null;
}

export interface WebhookConfig {
  readonly url: string;
  /** Null: the CAs that Node.js trusts. */
  readonly caFile: string | null;
  /** Null: what is sent is not signed. */
  readonly secret: string | null;
}

const VARIABLES = z.object(AUDIT_VARIABLES);

export function toAuditConfig(env: z.output<typeof VARIABLES>): AuditConfig {
  const { CERTPLANE_AUDIT_SYSLOG_URL: syslog, CERTPLANE_AUDIT_WEBHOOK_URL: url } = env;
  return {
    syslog: syslog === undefined ? null : { ...syslog, caFile: env.CERTPLANE_AUDIT_SYSLOG_CA_FILE ?? null },
    webhook:
      url === undefined
        ? null
        : {
            url,
            caFile: env.CERTPLANE_AUDIT_WEBHOOK_CA_FILE ?? null,
            secret: env.CERTPLANE_AUDIT_WEBHOOK_SECRET ?? null,
          },
  };
}

function findSyslogTarget(text: string): { host: string; port: number } | null {
  const [, name, ip, digits] =
    /^syslog\+tls:\/\/(?:([\w.-]{1,253})|\[([\da-fA-F:.]+)\])(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  const host = name ?? ip;
  const port = Number(digits ?? SYSLOG_TLS_PORT);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text) || text.length > 2000 || !/^[\x21-\x7e]+$/.test(text)) return false;
  const url = new URL(text);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  const isProtected = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback);
  return isProtected && url.username === '' && url.password === '' && !text.includes('#');
}
