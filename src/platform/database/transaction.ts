import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';

declare const transaction: unique symbol;

/** An open transaction. Only {@link Transactions.run} makes one: a method that takes a `Tx` takes part, and can't begin its own. */
export type Tx = EntityManager & { readonly [transaction]: true };

@Injectable()
export class Transactions {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Runs `work` in one transaction (READ COMMITTED): commits when it resolves, rolls back when it throws.
   * Nothing slow or remote belongs inside: no signing, no HTTP.
   */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.dataSource.transaction((manager) => work(manager as Tx));
  }
}
