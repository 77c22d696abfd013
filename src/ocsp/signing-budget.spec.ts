import { BudgetExceededError, SigningBudget } from './signing-budget.js';

/** Work that ends when the test says so. */
class Work {
  started = 0;
  private readonly ends: ((error?: Error) => void)[] = [];

  run = (): Promise<number> => {
    this.started += 1;
    const number = this.started;
    return new Promise((resolve, reject) =>
      this.ends.push((error) => (error === undefined ? resolve(number) : reject(error))),
    );
  };

  end(error?: Error): void {
    this.ends.shift()!(error);
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('SigningBudget', () => {
  it('does so much at a time, and lets the others wait', async () => {
    const budget = new SigningBudget(2, 10);
    const work = new Work();
    const all = Array.from({ length: 5 }, () => budget.run(work.run));
    expect(work.started).toBe(2);
    work.end();
    await settle();
    expect(work.started).toBe(3);
    for (let ended = 1; ended < 5; ended++) {
      work.end();
      await settle();
    }
    await expect(Promise.all(all)).resolves.toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses at once what finds the queue full, and nothing that finds room again', async () => {
    const budget = new SigningBudget(1, 2);
    const work = new Work();
    const all = [budget.run(work.run), budget.run(work.run), budget.run(work.run)];
    await expect(budget.run(work.run)).rejects.toBeInstanceOf(BudgetExceededError);
    work.end();
    await settle();
    all.push(budget.run(work.run));
    for (let ended = 0; ended < 3; ended++) {
      work.end();
      await settle();
    }
    await expect(Promise.all(all)).resolves.toEqual([1, 2, 3, 4]);
  });

  it('gives the place of work that failed to the next', async () => {
    const budget = new SigningBudget(1, 1);
    const work = new Work();
    const failing = budget.run(work.run);
    const waiting = budget.run(work.run);
    work.end(new Error('no key'));
    await expect(failing).rejects.toThrow('no key');
    await settle();
    work.end();
    await expect(waiting).resolves.toBe(2);
  });

  it('is whole again when all is done, however often', async () => {
    const budget = new SigningBudget(2, 1);
    for (let round = 0; round < 50; round++) {
      await Promise.all([1, 2, 3].map((number) => budget.run(() => Promise.resolve(number))));
    }
    const work = new Work();
    const all = [budget.run(work.run), budget.run(work.run)];
    expect(work.started).toBe(2);
    work.end();
    work.end();
    await Promise.all(all);
  });
});
