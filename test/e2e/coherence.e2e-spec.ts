import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, describe as describeViolation, slowestRevokeMs, type Violation } from '../coherence/checker.js';
import { Cluster } from '../coherence/cluster.js';
import { countEvents, History } from '../coherence/history.js';
import type { NodeProcess } from '../coherence/node-process.js';
import { playLostCommit } from '../coherence/plays.js';
import { RandomRun } from '../coherence/random-run.js';
import { SCENARIOS, type Scenario } from '../coherence/scenarios.js';
import { waitUntil } from '../support/wait-until.js';

const SECONDS = Number(process.env['COHERENCE_SECONDS'] ?? 8);
/** Its first seconds hold most kinds of faults. The long form takes another each time. */
const SEED = Number(process.env['COHERENCE_SEED'] ?? 2106);
const LEASE_SECONDS = 1;
const LEAST = { queries: SECONDS * 50, revokedNonces: SECONDS * 2, revocations: SECONDS, faults: 3 };
/** For a machine that has other things to do. */
const TIMEOUT_MS = 300_000;
const FIND_TIMEOUT_MS = 200_000;
const FIRST_PATIENCE_MS = 300;
/** Less than the four seconds after which a node gives up a statement, with the wait of a revocation. */
const LONGEST_PATIENCE_MS = 2000;

/** Fails on the first violations, and leaves the history where it can be looked at. */
function expectCoherent(history: History): void {
  const violations = check(history);
  if (violations.length === 0) return;
  const path = join(process.env['COHERENCE_DIR'] ?? tmpdir(), `coherence-${history.facts.seed}.jsonl`);
  history.save(path);
  const first = violations.slice(0, 3).map((violation) => describeViolation(violation));
  throw new Error(
    `seed ${history.facts.seed}: ${violations.length} violations, history in ${path}\n${first.join('\n')}`,
  );
}

/** A new one, of a program with one fault if that is wanted; or one that was left by a run that failed. */
function findHistory(): Promise<History> {
  const { COHERENCE_CHECK: file, COHERENCE_FAULT: fault } = process.env;
  if (file !== undefined) return Promise.resolve(History.load(file));
  const scenario = SCENARIOS.find(({ name }) => name === fault);
  if (fault !== undefined && scenario === undefined) {
    throw new Error(`There is no such fault. There are:\n${SCENARIOS.map(({ name }) => name).join('\n')}`);
  }
  const patches = scenario?.patches ?? [];
  return RandomRun.record({ seed: SEED, seconds: SECONDS, least: LEAST, leaseSeconds: LEASE_SECONDS, patches });
}

describe('several processes on one database', () => {
  it(
    'never answer good after a revoke call has returned, nor let one wait for long, whatever strikes them',
    async () => {
      const history = await findHistory();
      expectCoherent(history);
      const { queries, revokedNonces, revocations, faults } = countEvents(history);
      const slowest = Math.round(slowestRevokeMs(history));
      process.stdout.write(
        `coherence: seed ${history.facts.seed}: ${queries} queries (${revokedNonces} by nonce of what is revoked), ` +
          `${revocations} revocations, the slowest ${slowest} ms without faults and stalls, ${faults} faults\n`,
      );
    },
    SECONDS * 1000 + TIMEOUT_MS,
  );

  describe('with a program that is sound but for one fault', () => {
    let cluster: Cluster;
    let sound: NodeProcess;
    let victim: NodeProcess;
    const broken = new Map<string, Promise<NodeProcess>>();

    beforeAll(async () => {
      cluster = await Cluster.start({ seed: 0, leaseSeconds: LEASE_SECONDS }, ['sound', 'victim']);
      [sound, victim] = cluster.nodes as [NodeProcess, NodeProcess];
    }, TIMEOUT_MS);

    afterAll(() => cluster.stop(), 60_000);

    /** What the checker says of one scenario, whoever takes which part. */
    async function judge(
      { play }: Pick<Scenario, 'play'>,
      revoker: NodeProcess,
      target: NodeProcess,
      patienceMs = FIRST_PATIENCE_MS,
    ): Promise<Violation[]> {
      const begun = cluster.history.events.length;
      const [subject] = await cluster.issue(1);
      try {
        await play({ cluster, revoker, victim: target, subject: subject!, patienceMs });
      } finally {
        target.recover();
      }
      await cluster.settle();
      const own = new History(cluster.history.facts);
      for (const event of cluster.history.events.slice(begun)) own.record(event);
      return check(own);
    }

    /** The node with the fault of a scenario; the next one starts meanwhile. */
    function findBroken(index: number): Promise<NodeProcess> {
      for (const scenario of SCENARIOS.slice(index, index + 2)) {
        if (broken.has(scenario.name)) continue;
        const starting = cluster.add(scenario.name, scenario.patches);
        starting.catch(() => undefined);
        broken.set(scenario.name, starting);
      }
      return broken.get(SCENARIOS[index]!.name)!;
    }

    it.each(SCENARIOS.map((scenario, index) => ({ name: scenario.name, scenario, index })))(
      'the checker finds that $name, and nothing where it is sound',
      async ({ scenario, index }) => {
        const starting = findBroken(index);
        expect((await judge(scenario, sound, victim)).map((violation) => describeViolation(violation))).toEqual([]);

        const node = await starting;
        const parts = scenario.broken === 'victim' ? ([sound, node] as const) : ([node, victim] as const);
        let patienceMs = FIRST_PATIENCE_MS;
        // The interleaving needs a lease that runs at the right moment; on a busy machine it may have lapsed.
        const find = async (): Promise<boolean> => {
          const found = await judge(scenario, ...parts, patienceMs);
          patienceMs = Math.min(2 * patienceMs, LONGEST_PATIENCE_MS);
          return found.some(({ rule }) => rule === scenario.finding);
        };
        await waitUntil(`the checker finds a ${scenario.finding}`, find, FIND_TIMEOUT_MS);
        await cluster.retire(node);
      },
      TIMEOUT_MS,
    );

    it(
      'a node that is lost in the middle of a revocation holds up no other for longer',
      async () => {
        const violations = await judge({ play: playLostCommit }, sound, victim);
        expect(violations.map((violation) => describeViolation(violation))).toEqual([]);
      },
      TIMEOUT_MS,
    );
  });
});
