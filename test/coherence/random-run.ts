import { waitUntil } from '../support/wait-until.js';
import { HASHES, type Subject, type Way } from './asker.js';
import { Cluster, type ClusterOptions } from './cluster.js';
import { injectFault, planFaults } from './faults.js';
import { countEvents, type EventCounts, type History } from './history.js';
import type { NodeProcess } from './node-process.js';
import { SeededRandom } from './seeded-random.js';

export interface RunOptions extends ClusterOptions {
  /** It lasts longer where this machine needs more time for the least. */
  readonly seconds: number;
  readonly least: EventCounts;
}

const NODES = ['alpha', 'beta', 'gamma'];
/** Certificates that are asked for at a time: few, so that every memory holds them. */
const HOT = 24;
/** Revoked certificates that are still asked for: most staleness shows soon. */
const FRESHLY_REVOKED = 12;
const ASKERS_PER_NODE = 4;
const REVOKERS = 16;
const CERTIFICATES_PER_SECOND = 120;
/** Of the queries. */
const NONCE_SHARE = 0.25;
const LEAST_TIMEOUT_MS = 180_000;

/** Asks and revokes at random on all nodes while faults strike them. */
export class RandomRun {
  private readonly hot: Subject[] = [];
  private readonly revoked: Subject[] = [];
  private readonly allRevoked: Subject[] = [];
  private stock: Subject[] = [];
  private unissued: Subject[] = [];
  private over = false;

  private constructor(
    private readonly cluster: Cluster,
    private readonly options: RunOptions,
  ) {}

  /** The history of a run. */
  static async record(options: RunOptions): Promise<History> {
    const cluster = await Cluster.start(options, NODES);
    try {
      const run = new RandomRun(cluster, options);
      await run.play();
      return cluster.history;
    } finally {
      await cluster.stop();
    }
  }

  private async play(): Promise<void> {
    const { seconds, least } = this.options;
    const { nodes, history } = this.cluster;
    this.unissued = this.cluster.unissued();
    this.stock = await this.cluster.issue(HOT + seconds * CERTIFICATES_PER_SECOND);
    for (let count = 0; count < HOT; count++) this.takeFromStock();
    const workers = [
      ...nodes.flatMap((node, index) =>
        Array.from({ length: ASKERS_PER_NODE }, (_, asker) =>
          this.keepAsking(node, this.random(100 + index * 10 + asker)),
        ),
      ),
      ...Array.from({ length: REVOKERS }, (_, index) => this.keepRevoking(this.random(200 + index))),
    ];
    const faults = nodes.map((node, index) => this.keepFailing(node, this.random(300 + index)));
    await pause(seconds * 1000);
    const enough = (): boolean => hasAtLeast(countEvents(history), least);
    await waitUntil('enough has happened', enough, LEAST_TIMEOUT_MS).finally(() => (this.over = true));
    await Promise.all([...faults, ...workers]);
    for (const node of nodes) node.assertRunning();
    await this.readAll();
    await this.cluster.settle();
  }

  /** Each worker has numbers of its own, so that they don't depend on who is scheduled when. */
  private random(stream: number): SeededRandom {
    return new SeededRandom(this.options.seed * 1000 + stream);
  }

  private takeFromStock(): void {
    const next = this.stock.pop();
    if (next !== undefined) this.hot.push(next);
  }

  private async keepFailing(node: NodeProcess, random: SeededRandom): Promise<void> {
    for (const fault of planFaults(random, this.options.seconds * 1000, this.options.leaseSeconds * 1000)) {
      await pause(fault.restMs);
      if (this.over) return;
      node.assertRunning();
      await injectFault(node, fault, this.cluster.history);
    }
  }

  private async keepAsking(node: NodeProcess, random: SeededRandom): Promise<void> {
    while (!this.over) {
      const subject = this.pickSubject(random);
      await this.cluster.asker.query(node, subject, pickWay(random));
      await pause(random.between(0, 12));
    }
  }

  private pickSubject(random: SeededRandom): Subject {
    const roll = random.next();
    if (roll < 0.01) return random.pick(this.unissued);
    if (roll < 0.35 && this.revoked.length > 0) return random.pick(this.revoked);
    return this.hot.length > 0 ? random.pick(this.hot) : random.pick(this.unissued);
  }

  private async keepRevoking(random: SeededRandom): Promise<void> {
    while (!this.over) {
      await pause(random.between(0, 150));
      const [subject] = this.hot.splice(Math.floor(random.next() * this.hot.length), 1);
      if (subject === undefined) return;
      this.takeFromStock();
      // At times two callers want the same.
      const callers = random.next() < 0.15 ? 2 : 1;
      await Promise.all(Array.from({ length: callers }, () => this.revokeUntilDone(subject, random)));
    }
  }

  /** A call that fails says nothing about the certificate: it is repeated, through whatever node. */
  private async revokeUntilDone(subject: Subject, random: SeededRandom): Promise<void> {
    const { nodes, asker } = this.cluster;
    // Others ask for it while it is being revoked, and from then on.
    this.remember(subject);
    while ((await asker.revoke(random.pick(nodes), subject)) !== 200) await pause(random.between(0, 100));
    this.allRevoked.push(subject);
    void Promise.all(nodes.map((node) => asker.query(node, subject, pickWay(random))));
  }

  private remember(subject: Subject): void {
    this.revoked.push(subject);
    if (this.revoked.length > FRESHLY_REVOKED) this.revoked.shift();
  }

  /** When all is over, every revocation is there, for every node. */
  private async readAll(): Promise<void> {
    const { nodes, asker } = this.cluster;
    const subjects = [...new Set(this.allRevoked)];
    const read = async (node: NodeProcess, index: number): Promise<void> => {
      for (const subject of subjects) {
        for (const way of LAST_WAYS) await asker.query(node, subject, way);
      }
      for (const subject of subjects.filter((_, position) => position % nodes.length === index)) {
        await asker.read(node, subject);
      }
    };
    await Promise.all(nodes.map(read));
  }
}

/** One for each way to an answer: signed in advance, signed for who asks first, and signed for one client alone. */
const LAST_WAYS: readonly Way[] = [{ hash: 'sha1' }, { hash: 'sha384' }, { hash: 'sha1', nonce: true }];

function pickWay(random: SeededRandom): Way {
  return {
    hash: random.pick(HASHES),
    method: random.next() < 0.5 ? 'GET' : 'POST',
    nonce: random.next() < NONCE_SHARE,
  };
}

function hasAtLeast(counts: EventCounts, least: EventCounts): boolean {
  return (Object.keys(least) as (keyof EventCounts)[]).every((name) => counts[name] >= least[name]);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
