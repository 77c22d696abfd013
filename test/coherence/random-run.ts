import { HASHES, type Subject } from './asker.js';
import { Cluster, type ClusterOptions } from './cluster.js';
import { injectFault, planFaults } from './faults.js';
import type { History } from './history.js';
import type { NodeProcess } from './node-process.js';
import { SeededRandom } from './seeded-random.js';

export interface RunOptions extends ClusterOptions {
  readonly seconds: number;
}

const NODES = ['alpha', 'beta', 'gamma'];
/** Certificates that are asked for at a time: few, so that every memory holds them. */
const HOT = 24;
/** Revoked certificates that are still asked for: most staleness shows soon. */
const FRESHLY_REVOKED = 12;
const ASKERS_PER_NODE = 4;
const REVOKERS = 16;
/** When a process that asks is itself held up for so long, its measurements of others are worth nothing. */
const STARVED_MS = 100;
const CERTIFICATES_PER_SECOND = 120;

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

  /** The history of a run of these seconds. */
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
    const { seconds } = this.options;
    this.unissued = this.cluster.unissued();
    this.stock = await this.cluster.issue(HOT + seconds * CERTIFICATES_PER_SECOND);
    for (let count = 0; count < HOT; count++) this.takeFromStock();
    const ticker = this.watchStarvation();
    const workers = [
      ...this.cluster.nodes.flatMap((node, index) =>
        Array.from({ length: ASKERS_PER_NODE }, (_, asker) =>
          this.keepAsking(node, this.random(100 + index * 10 + asker)),
        ),
      ),
      ...Array.from({ length: REVOKERS }, (_, index) => this.keepRevoking(this.random(200 + index))),
    ];
    const faults = this.cluster.nodes.map((node, index) => this.keepFailing(node, this.random(300 + index)));
    await pause(seconds * 1000);
    this.over = true;
    try {
      await Promise.all([...faults, ...workers]);
    } finally {
      clearInterval(ticker);
    }
    await this.readAll();
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
      await injectFault(node, fault, this.cluster.history);
    }
  }

  private async keepAsking(node: NodeProcess, random: SeededRandom): Promise<void> {
    while (!this.over) {
      const subject = this.pickSubject(random);
      await this.cluster.asker.query(node, subject, random.pick(HASHES), random.next() < 0.5 ? 'GET' : 'POST');
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
    void Promise.all(nodes.map((node) => asker.query(node, subject, random.pick(HASHES))));
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
        await asker.query(node, subject, 'sha1');
        await asker.query(node, subject, 'sha384');
      }
      for (const subject of subjects.filter((_, position) => position % nodes.length === index)) {
        await asker.read(node, subject);
      }
    };
    await Promise.all(nodes.map(read));
  }

  private watchStarvation(): NodeJS.Timeout {
    let last = performance.now();
    return setInterval(() => {
      const now = performance.now();
      if (now - last > STARVED_MS) {
        this.cluster.history.record({
          kind: 'fault',
          node: null,
          fault: 'held up',
          impairs: true,
          start: last,
          end: now,
        });
      }
      last = now;
    }, 20);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
