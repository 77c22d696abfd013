import { waitUntil } from '../support/wait-until.js';
import type { Hash, Subject } from './asker.js';
import type { Patch } from './builds.js';
import type { Cluster } from './cluster.js';
import type { NodeProcess } from './node-process.js';

/** Who takes part: one node that revokes, and one that is asked while the worst happens to it. */
export interface Cast {
  readonly cluster: Cluster;
  readonly revoker: NodeProcess;
  readonly victim: NodeProcess;
  readonly subject: Subject;
}

/** One way in which a broken fence shows, and the fault of the program that breaks it. */
export interface Scenario {
  readonly name: string;
  /** Whose program is broken. */
  readonly broken: 'revoker' | 'victim';
  readonly patches: readonly Patch[];
  /** Makes the interleaving that a sound node survives and a broken one does not. */
  play(cast: Cast): Promise<void>;
}

const HASH: Hash = 'sha256';
/** Is not signed in advance, so that the first who asks signs. */
const LAZY_HASH: Hash = 'sha384';

const OCSP = 'src/ocsp';
const LEASE_CHECK = 'return this.clock.monotonicMs() < this.monotonicEnd && this.clock.wallMs() < this.wallEnd;';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'the lease is not looked at',
    broken: 'victim',
    patches: [{ file: `${OCSP}/freshness-lease.js`, replace: LEASE_CHECK, by: 'return true;' }],
    play: playCutOff,
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
    play: playSuspended,
  },
  {
    name: 'the monotonic clock is not looked at',
    broken: 'victim',
    patches: [
      { file: `${OCSP}/freshness-lease.js`, replace: LEASE_CHECK, by: 'return this.clock.wallMs() < this.wallEnd;' },
    ],
    play: playSetBack,
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
    play: playLateAnswer,
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
    play: playRemembered,
  },
  {
    name: 'a fill stays attached',
    broken: 'victim',
    patches: [{ file: `${OCSP}/fenced-cache.js`, replace: 'fill.attached = false;', by: '' }],
    play: playSlowFill,
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
    play: playSlowFill,
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
    play: playLateStore,
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
    play: playCutOff,
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
    play: playRemembered,
  },
];

/** The victim remembers the answer, is cut off from the database, and is asked after the revocation. */
async function playCutOff({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  await remember(cluster, victim, subject);
  const cut = performance.now();
  victim.relay.hold();
  await revokeSurely(cluster, revoker, subject);
  const answer = cluster.asker.query(victim, subject, HASH);
  await answeredOrWaiting(answer);
  endFault(cluster, victim, 'cut off', cut);
  await answer;
}

/** The whole machine of the victim sleeps: its monotonic clock stands still. It wakes without its network. */
async function playSuspended({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  await remember(cluster, victim, subject);
  const frozen = performance.now();
  victim.relay.hold();
  victim.freeze();
  await revokeSurely(cluster, revoker, subject);
  victim.clock.loseMonotonic(performance.now() - frozen - 50);
  victim.thaw();
  const answer = cluster.asker.query(victim, subject, HASH);
  await answeredOrWaiting(answer);
  endFault(cluster, victim, 'suspended', frozen);
  await answer;
}

/** Somebody sets the victim's wall clock back while it is cut off. */
async function playSetBack({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  await remember(cluster, victim, subject);
  const cut = performance.now();
  victim.relay.hold();
  victim.clock.setWall(-3_600_000);
  await revokeSurely(cluster, revoker, subject);
  const answer = cluster.asker.query(victim, subject, HASH);
  await answeredOrWaiting(answer);
  victim.clock.setWall(0);
  endFault(cluster, victim, 'cut off, wall clock one hour back', cut);
  await answer;
}

/** The answer to the victim's renewal is long on its way, and its next question is lost. */
async function playLateAnswer({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  await remember(cluster, victim, subject);
  const late = victim.relay.catchAnswer('renew-lease');
  await late.caught;
  const cut = performance.now();
  const revoking = cluster.asker.revoke(revoker, subject);
  await new Promise((resolve) => setTimeout(resolve, cluster.history.facts.leaseMs * 0.7));
  victim.relay.hold('feed', ['up']);
  late.release();
  victim.relay.hold('feed', ['up']);
  if ((await revoking) !== 200) throw new Error('the revocation failed');
  const answer = cluster.asker.query(victim, subject, HASH);
  await answeredOrWaiting(answer);
  endFault(cluster, victim, 'late answers from the feed', cut);
  await answer;
}

/** Nothing goes wrong at all. */
async function playRemembered({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  await remember(cluster, victim, subject, LAZY_HASH);
  await revokeSurely(cluster, revoker, subject);
  await cluster.asker.query(victim, subject, LAZY_HASH);
}

/** The stored answer is on its way to the victim's memory when the certificate is revoked. */
async function playSlowFill({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  // Stored by another node, and not yet in the victim's memory.
  await cluster.asker.query(revoker, subject, HASH);
  await leaseRuns(cluster, victim);
  const slow = victim.relay.catchAnswer('ocsp-response');
  const cut = performance.now();
  const first = cluster.asker.query(victim, subject, HASH);
  await slow.caught;
  await revokeSurely(cluster, revoker, subject);
  const joining = cluster.asker.query(victim, subject, HASH);
  await answeredOrWaiting(joining);
  slow.release();
  await Promise.all([first, joining]);
  await cluster.asker.query(victim, subject, HASH);
  endFault(cluster, victim, 'a slow answer from the database', cut);
}

/**
 * The victim vanishes from the network between the last statement of a revocation and its commit. Another certificate must
 * be revoked in time all the same.
 */
export async function playLostCommit({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  const [other] = await cluster.issue(1);
  const lost = victim.relay.catchStatement('COMMIT');
  const cut = performance.now();
  const failing = cluster.asker.revoke(victim, other!);
  await lost.caught;
  victim.relay.hold();
  const revoking = cluster.asker.revoke(revoker, subject);
  await endedWithin(revoking, cluster.history.facts.leaseMs + 3000);
  endFault(cluster, victim, 'cut off before a commit', cut);
  lost.release();
  await Promise.all([failing, revoking]);
}

/** The victim has signed an answer, and its statement that stores it is long on its way. */
async function playLateStore({ cluster, revoker, victim, subject }: Cast): Promise<void> {
  const late = victim.relay.catchStatement('store-ocsp-response');
  const cut = performance.now();
  const first = cluster.asker.query(victim, subject, LAZY_HASH);
  await late.caught;
  await revokeSurely(cluster, revoker, subject);
  late.release();
  await first;
  await cluster.asker.query(revoker, subject, LAZY_HASH);
  await cluster.asker.query(victim, subject, LAZY_HASH);
  endFault(cluster, victim, 'a slow statement', cut);
}

/** The victim has a lease, and the answer in its memory. */
async function remember(cluster: Cluster, victim: NodeProcess, subject: Subject, hash: Hash = HASH): Promise<void> {
  await leaseRuns(cluster, victim);
  await waitUntil(
    `${victim.name} says good`,
    async () => (await cluster.asker.query(victim, subject, hash)) === 'good',
  );
}

async function leaseRuns(cluster: Cluster, victim: NodeProcess): Promise<void> {
  await waitUntil(`${victim.name} has a lease`, () => cluster.hasLease(victim));
}

async function revokeSurely({ asker }: Cluster, revoker: NodeProcess, subject: Subject): Promise<void> {
  const status = await asker.revoke(revoker, subject);
  if (status !== 200) throw new Error(`the revocation failed: ${status}`);
}

/** A node that may not answer from memory waits for the database; give it time to show that it does answer. */
function answeredOrWaiting(answer: Promise<unknown>): Promise<void> {
  return endedWithin(answer, 300);
}

/** Resolves when a call has ended, or when so much time has passed. */
function endedWithin(call: Promise<unknown>, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    call.then(end, end);
  });
}

function endFault({ history }: Cluster, victim: NodeProcess, fault: string, start: number): void {
  victim.relay.restore();
  history.record({ kind: 'fault', node: victim.name, fault, impairs: true, start, end: performance.now() });
}
