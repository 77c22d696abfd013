import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

declare const transaction: unique symbol;

/** An open transaction. Only {@link Transactions.run} makes one: a method that takes a `Tx` takes part, and can't begin its own. */
export type Tx = EntityManager & { readonly [transaction]: true };

const waiting = new WeakMap<Tx, (() => void)[]>();

/** Does something once this transaction has committed, and never when it has not: counting, waking. It must not throw. */
export function afterCommit(tx: Tx, act: () => void): void {
  waiting.get(tx)?.push(act);
}

@Injectable()
export class Transactions {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Runs `work` in one transaction (READ COMMITTED): commits when it resolves, rolls back when it throws.
   * Nothing slow or remote belongs inside: no signing, no HTTP.
   */
  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const acts: (() => void)[] = [];
    const result = await this.dataSource.transaction((manager) => {
      const tx = manager as Tx;
      waiting.set(tx, acts);
      return work(tx);
    });
    for (const act of acts) act();
    return result;
  }
}
