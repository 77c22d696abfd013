import type { Patch } from './builds.js';
import type { Rule } from './checker.js';
import {
  playCutOff,
  playLateAnswer,
  playLateStore,
  playRemembered,
  playSetBack,
  playSlowFill,
  playSuspended,
  playUnheardFill,
  STATUS_LOOKUP,
  WITH_NONCE,
  type Cast,
} from './plays.js';

/** One way in which a broken fence shows, and the fault of the program that breaks it. */
export interface Scenario {
  readonly name: string;
  /** Whose program is broken. */
  readonly broken: 'revoker' | 'victim';
  readonly patches: readonly Patch[];
  /** What the checker calls it. */
  readonly finding: Rule;
  /** Makes the interleaving that a sound node survives and a broken one does not. */
  play(cast: Cast): Promise<void>;
}

const OCSP = 'src/ocsp';
const LEASE_CHECK = 'return this.clock.monotonicMs() < this.monotonicEnd && this.clock.wallMs() < this.wallEnd;';

/** Those of the answers that all share. */
const SHARED: readonly Scenario[] = [
  {
    name: 'the lease is not looked at',
    broken: 'victim',
    patches: [{ file: `${OCSP}/freshness-lease.js`, replace: LEASE_CHECK, by: 'return true;' }],
    finding: 'stale good',
    play: (cast) => playCutOff(cast),
  },
  {
    name: 'the wall clock is not looked at',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/freshness-lease.js`,
        replace: LEASE_CHECK,
        by: 'return this.clock.monotonicMs() < this.monotonicEnd;',
      },
    ],
    finding: 'stale good',
    play: (cast) => playSuspended(cast),
  },
  {
    name: 'the monotonic clock is not looked at',
    broken: 'victim',
    patches: [
      { file: `${OCSP}/freshness-lease.js`, replace: LEASE_CHECK, by: 'return this.clock.wallMs() < this.wallEnd;' },
    ],
    finding: 'stale good',
    play: (cast) => playSetBack(cast),
  },
  {
    name: 'a lease runs from the answer to its renewal',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/feed-follower.js`,
        replace: 'this.lease.grant(reading);',
        by: 'this.lease.grant(this.lease.read());',
      },
    ],
    finding: 'stale good',
    play: (cast) => playLateAnswer(cast),
  },
  {
    name: 'a renewal states what is not applied yet',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/feed-follower.js`,
        replace: 'this.cache.evictCertificate(row.issuer_id, row.serial_number);',
        by: 'setTimeout(() => this.cache.evictCertificate(row.issuer_id, row.serial_number), 3000);',
      },
    ],
    finding: 'stale good',
    play: (cast) => playRemembered(cast),
  },
  {
    name: 'a fill stays attached',
    broken: 'victim',
    patches: [{ file: `${OCSP}/fenced-cache.js`, replace: 'fill.attached = false;', by: '' }],
    finding: 'stale good',
    play: (cast) => playSlowFill(cast),
  },
  {
    name: 'a fill is joined after its key was evicted',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/fenced-cache.js`,
        replace: 'fill.attached = false;\n        this.fills.delete(key);',
        by: 'fill.attached = false;',
      },
    ],
    finding: 'stale good',
    play: (cast) => playSlowFill(cast),
  },
  {
    name: 'a store is not guarded',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/ocsp-response-store.js`,
        replace: 'AND revoked_at IS NOT DISTINCT FROM $4 AND revocation_reason IS NOT DISTINCT FROM $5',
        by: 'AND ($4::timestamptz IS NULL OR true) AND ($5::text IS NULL OR true)',
      },
    ],
    finding: 'stale good',
    play: (cast) => playLateStore(cast),
  },
  {
    name: 'a revoke call does not wait',
    broken: 'revoker',
    patches: [
      {
        file: `${OCSP}/revocation-visibility.js`,
        replace: 'const started = performance.now();',
        by: 'return { nodes: 0, waitedMs: 0 }; const started = performance.now();',
      },
    ],
    finding: 'stale good',
    play: (cast) => playCutOff(cast),
  },
  {
    name: 'a revocation leaves the stored response',
    broken: 'revoker',
    patches: [
      {
        file: `${OCSP}/ocsp-cache.service.js`,
        replace: 'await this.store.remove(tx, issuerId, serialNumber);',
        by: '',
      },
    ],
    finding: 'stale good',
    play: (cast) => playRemembered(cast),
  },
];

const FIND_STATUS = 'this.node.statuses.find(key)';
const LOAD_STATUS = 'this.node.statuses.load(key, ';
const EVICT_STATUS = 'this.statuses.evict(formatStatusKey(issuerId, serialNumber));';

/** Those of the answers that are signed for one client alone: the answers that all share stay sound. */
const UNSHARED: readonly Scenario[] = [
  {
    name: 'a status is taken from memory without a lease',
    broken: 'victim',
    patches: [{ file: `${OCSP}/fenced-statuses.js`, replace: FIND_STATUS, by: 'this.node.statuses.memory.get(key)' }],
    finding: 'stale good',
    play: (cast) => playCutOff(cast, WITH_NONCE, 'feed'),
  },
  {
    name: 'a lookup of a status is joined without a lease',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/fenced-statuses.js`,
        replace: LOAD_STATUS,
        by: `this.node.statuses.fills.get(key)?.value ?? ${LOAD_STATUS}`,
      },
    ],
    finding: 'stale good',
    play: (cast) => playUnheardFill(cast, WITH_NONCE, STATUS_LOOKUP),
  },
  {
    name: 'a lookup of a status stays attached',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/ocsp-node.service.js`,
        replace: EVICT_STATUS,
        by: 'this.statuses.memory.delete(formatStatusKey(issuerId, serialNumber));',
      },
    ],
    finding: 'stale good',
    play: (cast) => playSlowFill(cast, WITH_NONCE, STATUS_LOOKUP),
  },
  {
    name: 'a status is not evicted',
    broken: 'victim',
    patches: [{ file: `${OCSP}/ocsp-node.service.js`, replace: EVICT_STATUS, by: '' }],
    finding: 'stale good',
    play: (cast) => playRemembered(cast, WITH_NONCE),
  },
  {
    name: 'a nonce is left out',
    broken: 'victim',
    patches: [
      {
        file: `${OCSP}/response-signer.js`,
        replace: 'this.build(responses, responder, nonce)',
        by: 'this.build(responses, responder, null)',
      },
    ],
    finding: 'nonce not echoed',
    play: (cast) => playRemembered(cast, WITH_NONCE),
  },
];

export const SCENARIOS: readonly Scenario[] = [...SHARED, ...UNSHARED];
