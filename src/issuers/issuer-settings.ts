import { DomainError } from '../platform/errors/domain-error.js';
import type { IssuerEntity } from './issuer.entity.js';
import { presentDeltaInterval, type UpdateIssuer } from './issuer.schemas.js';

/** What may be changed of an issuer, by the names that the REST interface gives it. */
const SETTINGS = {
  name: 'name',
  baseline_requirements: 'baselineRequirements',
  crl_shards: 'crlShards',
  crl_delta_interval: 'crlDeltaInterval',
  expired_certs_on_crl: 'expiredCertsOnCrl',
} as const satisfies Record<keyof UpdateIssuer, keyof IssuerEntity>;

type Setting = keyof typeof SETTINGS;
type Settings = Pick<IssuerEntity, (typeof SETTINGS)[Setting]>;

export interface SettingsChange {
  /** The columns that change. */
  readonly columns: Partial<Settings>;
  /** What changes, as the REST interface shows it. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
}

/** What an update changes; null when everything is so already. */
export function settingsChange(issuer: Settings, input: UpdateIssuer): SettingsChange | null {
  const changed = (Object.keys(SETTINGS) as Setting[]).filter(
    (name) => input[name] !== undefined && input[name] !== issuer[SETTINGS[name]],
  );
  if (changed.length === 0) return null;
  const shown = (valueOf: (name: Setting) => unknown) =>
    Object.fromEntries(changed.map((name) => [name, show(name, valueOf(name))]));
  return {
    columns: Object.fromEntries(changed.map((name) => [SETTINGS[name], input[name]])),
    before: shown((name) => issuer[SETTINGS[name]]),
    after: shown((name) => input[name]),
  };
}

/** @throws DomainError issuer_without_key when a CA whose CRL is published elsewhere is to have settings for one */
export function checkCrlSettings({
  id,
  keyId,
  crlShards,
  crlDeltaInterval,
  expiredCertsOnCrl,
}: Pick<IssuerEntity, 'id' | 'keyId' | 'crlShards' | 'crlDeltaInterval' | 'expiredCertsOnCrl'>): void {
  if (keyId !== null || (crlShards === 1 && crlDeltaInterval === null && !expiredCertsOnCrl)) return;
  throw new DomainError(
    'issuer_without_key',
    `The private key of the issuer ${id} is not here, and its CRL is published elsewhere: leave out crl_shards, crl_delta_interval and expired_certs_on_crl.`,
  );
}

function show(name: Setting, value: unknown): unknown {
  return name === 'crl_delta_interval' ? presentDeltaInterval(value as number | null) : value;
}
