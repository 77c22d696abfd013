import { waitUntil } from '../support/wait-until.js';
import type { Subject, Way } from './asker.js';
import type { Cluster } from './cluster.js';
import type { Catch, Connections } from './database-relay.js';
import type { NodeProcess } from './node-process.js';

/** Who takes part: one node that revokes, and one that is asked while the worst happens to it. */
export interface Cast {
  readonly cluster: Cluster;
  readonly revoker: NodeProcess;
  readonly victim: NodeProcess;
  readonly subject: Subject;
  /**
   * A node that may not answer from memory waits for the database: how long it is given to show that it does answer. Has to
   * grow with each try, for a busy machine.
   */
  readonly patienceMs: number;
}

const STORED: Way = { hash: 'sha256' };
/** Is not signed in advance, so that the first who asks signs. */
const LAZY: Way = { hash: 'sha384' };
/** Is never stored: its answer is signed from a status. */
export const WITH_NONCE: Way = { hash: 'sha256', nonce: true };

/** The statements that bring what memory keeps. */
const RESPONSE_LOOKUP = 'ocsp-response';
export const STATUS_LOOKUP = 'certificate-status';

/** The victim remembers the answer, is cut off from the database, and is asked after the revocation. */
export async function playCutOff(cast: Cast, way = STORED, connections: Connections = 'all'): Promise<void> {
  const { cluster, victim, subject } = cast;
  await remember(cast, way);
  const cut = performance.now();
  victim.relay.hold(connections);
  await revoke(cast);
  const answer = cluster.asker.query(victim, subject, way);
  await endedWithin(answer, cast.patienceMs);
  endFault(cast, 'cut off', cut);
  await answer;
}

/** The whole machine of the victim sleeps: its monotonic clock stands still. It wakes without its network. */
export async function playSuspended(cast: Cast): Promise<void> {
  const { cluster, victim, subject } = cast;
  await remember(cast, STORED);
  const frozen = performance.now();
  victim.relay.hold();
  victim.freeze();
  await revoke(cast);
  victim.clock.loseMonotonic(performance.now() - frozen - 50);
  victim.thaw();
  const answer = cluster.asker.query(victim, subject, STORED);
  await endedWithin(answer, cast.patienceMs);
  endFault(cast, 'suspended', frozen);
  await answer;
}

/** Somebody sets the victim's wall clock back while it is cut off. */
export async function playSetBack(cast: Cast): Promise<void> {
  const { cluster, victim, subject } = cast;
  await remember(cast, STORED);
  const cut = performance.now();
  victim.relay.hold();
  victim.clock.setWall(-3_600_000);
  await revoke(cast);
  const answer = cluster.asker.query(victim, subject, STORED);
  await endedWithin(answer, cast.patienceMs);
  victim.clock.setWall(0);
  endFault(cast, 'cut off, wall clock one hour back', cut);
  await answer;
}

/** The answer to the victim's renewal is long on its way, and its next question is lost. */
export async function playLateAnswer(cast: Cast): Promise<void> {
  const { cluster, victim, subject } = cast;
  await remember(cast, STORED);
  const late = victim.relay.catchAnswer('renew-lease');
  await late.caught;
  const cut = performance.now();
  const revoking = revoke(cast);
  await new Promise((resolve) => setTimeout(resolve, cluster.history.facts.leaseMs * 0.7));
  victim.relay.hold('feed', ['up']);
  late.release();
  victim.relay.hold('feed', ['up']);
  await revoking;
  const answer = cluster.asker.query(victim, subject, STORED);
  await endedWithin(answer, cast.patienceMs);
  endFault(cast, 'late answers from the feed', cut);
  await answer;
}

/** Nothing goes wrong at all. */
export async function playRemembered(cast: Cast, way = LAZY): Promise<void> {
  await remember(cast, way);
  await revoke(cast);
  await cast.cluster.asker.query(cast.victim, cast.subject, way);
}

/** What the victim looked up is on its way to its memory when the certificate is revoked. */
export async function playSlowFill(cast: Cast, way = STORED, statement = RESPONSE_LOOKUP): Promise<void> {
  const { cluster, revoker, victim, subject } = cast;
  // Known to another node, and not yet in the victim's memory.
  await cluster.asker.query(revoker, subject, way);
  await leaseRuns(cast);
  const cut = performance.now();
  const slow = victim.relay.catchAnswer(statement);
  const first = cluster.asker.query(victim, subject, way);
  await caughtOrEnded(slow, first);
  await revoke(cast);
  const joining = cluster.asker.query(victim, subject, way);
  await endedWithin(joining, cast.patienceMs);
  slow.release();
  await Promise.all([first, joining]);
  await cluster.asker.query(victim, subject, way);
  endFault(cast, 'a slow answer from the database', cut);
}

/** The same, and the victim hears of no revocation: its lease runs out while the answer is on its way. */
export async function playUnheardFill(cast: Cast, way: Way, statement: string): Promise<void> {
  const { cluster, victim, subject } = cast;
  await leaseRuns(cast);
  const cut = performance.now();
  const slow = victim.relay.catchAnswer(statement);
  const first = cluster.asker.query(victim, subject, way);
  await caughtOrEnded(slow, first);
  victim.relay.hold('feed');
  await revoke(cast);
  const joining = cluster.asker.query(victim, subject, way);
  await endedWithin(joining, cast.patienceMs);
  slow.release();
  await Promise.all([first, joining]);
  endFault(cast, 'a slow answer from the database, and none from the feed', cut);
}

/**
 * The victim vanishes from the network between the last statement of a revocation and its commit. Another certificate must
 * be revoked in time all the same.
 */
export async function playLostCommit(cast: Cast): Promise<void> {
  const { cluster, revoker, victim, subject } = cast;
  const [other] = await cluster.issue(1);
  const lost = victim.relay.catchStatement('COMMIT');
  const cut = performance.now();
  const failing = cluster.asker.revoke(victim, other!);
  await caughtOrEnded(lost, failing);
  victim.relay.hold();
  const revoking = cluster.asker.revoke(revoker, subject);
  await endedWithin(revoking, cluster.history.facts.leaseMs + 3000);
  endFault(cast, 'cut off before a commit', cut);
  lost.release();
  await Promise.all([failing, revoking]);
}

/** The victim has signed an answer, and its statement that stores it is long on its way. */
export async function playLateStore(cast: Cast): Promise<void> {
  const { cluster, revoker, victim, subject } = cast;
  const late = victim.relay.catchStatement('store-ocsp-response');
  const cut = performance.now();
  const first = cluster.asker.query(victim, subject, LAZY);
  await caughtOrEnded(late, first);
  await revoke(cast);
  late.release();
  await first;
  await cluster.asker.query(revoker, subject, LAZY);
  await cluster.asker.query(victim, subject, LAZY);
  endFault(cast, 'a slow statement', cut);
}

/** The victim has a lease, and the answer, or what it is made of, in its memory. */
async function remember(cast: Cast, way: Way): Promise<void> {
  const { cluster, victim, subject } = cast;
  await leaseRuns(cast);
  await waitUntil(`${victim.name} says good`, async () => (await cluster.asker.query(victim, subject, way)) === 'good');
}

async function leaseRuns({ cluster, victim }: Cast): Promise<void> {
  await waitUntil(`${victim.name} has a lease`, () => cluster.hasLease(victim));
}

/** A call that fails says nothing, and is repeated. */
async function revoke({ cluster, revoker, subject }: Cast): Promise<void> {
  await waitUntil(`${revoker.name} has revoked`, async () => (await cluster.asker.revoke(revoker, subject)) === 200);
}

/** Resolves when the statement of a call is held, or the call has ended without it. */
async function caughtOrEnded({ caught }: Catch, call: Promise<unknown>): Promise<void> {
  await Promise.race([caught, call]);
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

function endFault({ cluster: { history }, victim }: Cast, fault: string, start: number): void {
  victim.relay.restore();
  history.record({ kind: 'fault', node: victim.name, fault, impairs: true, start, end: performance.now() });
}
