import { z } from 'zod';
import { canonicalClientName, type ClientCertificate } from '../pki/client-certificate.js';
import { distinguishedNameFromText } from '../pki/distinguished-name.js';
import { PkiError } from '../pki/pki-error.js';
import { ROLES } from '../platform/http/permission.js';
import { isUnlimited, type Scope } from '../platform/http/scope.js';
import { SCOPE } from './api-key.schemas.js';
import { findScopeFault, type Grant } from './grants.js';

const NAME_KINDS = ['subject', 'dns', 'email', 'uri'] as const;
type NameKind = (typeof NAME_KINDS)[number];

/** Whoever presents a certificate with this name may do this. */
export interface ClientRole extends Omit<Grant, 'expiresAt'> {
  readonly kind: NameKind;
  /** In the one writing in which {@link ClientCertificate} has it. */
  readonly name: string;
}

const NAME = z.string().min(1).max(2048);

const ENTRIES = z.array(
  z
    .strictObject({
      subject: NAME.optional(),
      dns: NAME.optional(),
      email: NAME.optional(),
      uri: NAME.optional(),
      role: z.enum(ROLES),
      ...SCOPE,
    })
    .refine(
      (entry) => NAME_KINDS.filter((kind) => entry[kind] !== undefined).length === 1,
      `must have exactly one of ${NAME_KINDS.join(', ')}`,
    ),
);
type Entry = z.output<typeof ENTRIES>[number];

/** Reads the JSON that maps client certificates to roles. @returns the roles in their order, or every fault at once */
export function parseClientRoles(text: string): { roles: readonly ClientRole[] } | { faults: readonly string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { faults: ['it is not JSON'] };
  }
  const parsed = ENTRIES.safeParse(json);
  if (!parsed.success) {
    return { faults: parsed.error.issues.map(({ path, message }) => `${placeOf(path)}${message}`) };
  }
  const faults: string[] = [];
  const roles = parsed.data.map((entry, index) => {
    const role = toRole(entry);
    if ('fault' in role) faults.push(`entry ${index + 1}: ${role.fault}`);
    return role;
  });
  const known = roles.filter((role): role is ClientRole => !('fault' in role));
  known.forEach(({ kind, name }, index) => {
    const isRepeated = known.slice(0, index).some((other) => other.kind === kind && other.name === name);
    if (isRepeated) faults.push(`${kind} ${JSON.stringify(name)} stands there twice`);
  });
  return faults.length > 0 ? { faults } : { roles: known };
}

/** The first entry that names this certificate, or null. */
export function findClientRole(roles: readonly ClientRole[], certificate: ClientCertificate): ClientRole | null {
  return roles.find((role) => namesOf(certificate, role.kind).includes(role.name)) ?? null;
}

function namesOf(certificate: ClientCertificate, kind: NameKind): readonly string[] {
  return kind === 'subject' ? [certificate.subject] : certificate[kind];
}

function toRole(entry: Entry): ClientRole | { readonly fault: string } {
  const kind = NAME_KINDS.find((candidate) => entry[candidate] !== undefined)!;
  const scope: Scope = { issuerIds: entry.issuer_ids ?? null, profiles: entry.profiles ?? null };
  const scopeFault = isUnlimited(scope) ? null : findScopeFault(entry.role, scope);
  if (scopeFault !== null) return { fault: scopeFault };
  try {
    return { kind, name: canonicalName(kind, entry[kind]!), role: entry.role, scope };
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return { fault: `${kind}: ${error.message}` };
  }
}

function canonicalName(kind: NameKind, name: string): string {
  return kind === 'subject' ? distinguishedNameFromText(name).text : canonicalClientName(kind, name);
}

function placeOf([index, ...field]: readonly PropertyKey[]): string {
  if (index === undefined) return '';
  return `${[`entry ${Number(index) + 1}`, ...field.map(String)].join(', ')}: `;
}
