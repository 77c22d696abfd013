import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, describe as describeViolation, type Violation } from '../coherence/checker.js';
import { Cluster } from '../coherence/cluster.js';
import { History } from '../coherence/history.js';
import type { NodeProcess } from '../coherence/node-process.js';
import { RandomRun } from '../coherence/random-run.js';
import { playLostCommit, SCENARIOS, type Scenario } from '../coherence/scenarios.js';

const SECONDS = Number(process.env['COHERENCE_SECONDS'] ?? 8);
const SEED = Number(process.env['COHERENCE_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const LEASE_SECONDS = 1;

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
  return RandomRun.record({ seed: SEED, seconds: SECONDS, leaseSeconds: LEASE_SECONDS, patches });
}

describe('several processes on one database', () => {
  it(
    'never answer good after a revoke call has returned, nor let one wait for long, whatever strikes them',
    async () => {
      const history = await findHistory();
      expectCoherent(history);
      const count = (kind: string): number => history.events.filter((event) => event.kind === kind).length;
      const revoked = history.events.filter((event) => event.kind === 'revoke' && event.status === 200).length;
      const stopped = history.events.filter((event) => event.kind === 'fault' && event.node !== null).length;
      process.stdout.write(
        `coherence: seed ${SEED}, ${SECONDS} s: ${count('query')} queries, ${revoked} revocations, ${stopped} faults\n`,
      );
      expect(count('query')).toBeGreaterThan(SECONDS * 50);
      expect(revoked).toBeGreaterThan(SECONDS);
      expect(stopped).toBeGreaterThan(0);
    },
    SECONDS * 1000 + 180_000,
  );

  describe('with a program that is sound but for one fault', () => {
    let cluster: Cluster;
    let sound: NodeProcess;
    let victim: NodeProcess;
    const broken = new Map<string, Promise<NodeProcess>>();

    beforeAll(async () => {
      cluster = await Cluster.start({ seed: 0, leaseSeconds: LEASE_SECONDS }, ['sound', 'victim']);
      [sound, victim] = cluster.nodes as [NodeProcess, NodeProcess];
    }, 120_000);

    afterAll(() => cluster.stop(), 60_000);

    /** What the checker says of one scenario, whoever takes which part. */
    async function judge(
      { play }: Pick<Scenario, 'play'>,
      revoker: NodeProcess,
      target: NodeProcess,
    ): Promise<Violation[]> {
      const begun = cluster.history.events.length;
      const [subject] = await cluster.issue(1);
      await play({ cluster, revoker, victim: target, subject: subject! });
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
        let found: Violation[] = [];
        // The interleaving needs a lease that runs at the right moment; on a busy machine it may have lapsed.
        for (let tries = 0; tries < 4 && found.length === 0; tries++) found = await judge(scenario, ...parts);
        expect(found.map(({ rule }) => rule)).toContain('stale good');
        await cluster.retire(node);
      },
      120_000,
    );

    it('a node that is lost in the middle of a revocation holds up no other for longer', async () => {
      const violations = await judge({ play: playLostCommit }, sound, victim);
      expect(violations.map((violation) => describeViolation(violation))).toEqual([]);
    }, 60_000);
  });
});
