import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SigningJob } from './key-store.js';
import { SigningPool } from './signing-pool.js';

// A thread runs what was compiled.
const ENTRY = pathToFileURL(join(process.cwd(), 'dist/src/keys/signing-worker.js'));

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let dir: string;
let pools: SigningPool[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'certplane-pool-'));
  pools = [];
});
afterEach(async () => {
  for (const pool of pools) await pool.close();
  rmSync(dir, { recursive: true, force: true });
});

function open(size: number, entry = ENTRY): SigningPool {
  const pool = new SigningPool(size, entry);
  pools.push(pool);
  return pool;
}

/** A job whose work is this source: the body of `run(signer, input)`. */
function job<Input, Output>(body: string): SigningJob<Input, Output> {
  const file = join(dir, `job-${Math.random()}.mjs`);
  writeFileSync(
    file,
    `import { threadId } from 'node:worker_threads';\nexport async function run(signer, input) {${body}}`,
  );
  return { module: pathToFileURL(file).href, run: () => Promise.reject(new Error('not in this thread')) };
}

describe('SigningPool', () => {
  it('signs in other threads with the key it is given, and counts the signatures', async () => {
    const sign = job<string[], { threadId: number; signatures: Uint8Array[] }>(
      `const signatures = [];
       for (const text of input) signatures.push(await signer.sign(Buffer.from(text)));
       return { threadId, signatures };`,
    );
    const done = await open(1).run(privateKey, sign, ['one', 'two']);
    expect(done?.signatures).toBe(2);
    expect(done?.output.threadId).toBeGreaterThan(0);
    const publicKey = createPublicKey(privateKey);
    for (const [index, text] of ['one', 'two'].entries()) {
      expect(verify('sha256', Buffer.from(text), publicKey, done!.output.signatures[index]!)).toBe(true);
    }
  });

  it('does many jobs, each once, on as many threads as it has', async () => {
    const pool = open(2);
    const echo = job<number, { input: number; threadId: number }>(
      `await new Promise((resolve) => setTimeout(resolve, 2)); return { input, threadId };`,
    );
    const inputs = Array.from({ length: 60 }, (_, index) => index);
    const done = await Promise.all(inputs.map((input) => pool.run(privateKey, echo, input)));
    expect(done.map((each) => each?.output.input)).toEqual(inputs);
    expect(new Set(done.map((each) => each?.output.threadId)).size).toBe(2);
  });

  it('passes on what a job throws, and goes on', async () => {
    const pool = open(1);
    await expect(pool.run(privateKey, job('throw new RangeError("no");'), null)).rejects.toThrow('no');
    const fine = await pool.run(privateKey, job<null, number>('return 7;'), null);
    expect(fine?.output).toBe(7);
  });

  it('gives the jobs of a thread that ends back undone, and starts another', async () => {
    const pool = open(1);
    expect((await pool.run(privateKey, job<null, number>('return 7;'), null))?.output).toBe(7);
    const lost = [
      pool.run(privateKey, job('process.exit(1);'), null),
      pool.run(privateKey, job('return new Promise(() => setInterval(() => {}, 1000));'), null),
    ];
    expect(await Promise.all(lost)).toEqual([null, null]);
    expect(pool.isUsable).toBe(true);
    expect((await pool.run(privateKey, job<null, number>('return 8;'), null))?.output).toBe(8);
  });

  it('gives everything back where threads can not be started, and says so', async () => {
    const pool = open(2, pathToFileURL(join(dir, 'missing.js')));
    const jobs = Array.from({ length: 30 }, () => pool.run(privateKey, job('return 1;'), null));
    for (const done of await Promise.all(jobs)) expect(done).toBeNull();
    expect(pool.isUsable).toBe(false);
    expect(pool.concurrency).toBe(1);
    expect(await pool.run(privateKey, job('return 1;'), null)).toBeNull();
  });

  it('hands over what a job says, to a thread that is alive, and else leaves it where it is', async () => {
    const read = (): SigningJob<Uint8Array, number> => ({
      ...job<Uint8Array, number>('return input.reduce((sum, octet) => sum + octet, 0);'),
      handOver: (input) => [input.buffer as ArrayBuffer],
    });
    const pool = open(1);
    for (const size of [3, 100_000]) {
      const input = new Uint8Array(size).fill(1);
      expect((await pool.run(privateKey, read(), input))?.output).toBe(size);
      expect(input).toHaveLength(0);
    }
    const kept = Uint8Array.of(1, 2, 3);
    expect(await open(1, pathToFileURL(join(dir, 'missing.js'))).run(privateKey, read(), kept)).toBeNull();
    expect(kept).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('leaves nobody waiting when it is closed', async () => {
    const pool = open(1);
    const jobs = Array.from({ length: 12 }, () =>
      pool.run(privateKey, job('return new Promise(() => setInterval(() => {}, 1000));'), null),
    );
    await pool.close();
    for (const done of await Promise.all(jobs)) expect(done).toBeNull();
    expect(await pool.run(privateKey, job('return 1;'), null)).toBeNull();
  });
});
