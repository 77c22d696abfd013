import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ReadinessChecks } from '../health/readiness.js';
import { boundedQuery } from './bounded-query.js';
import { poolOf } from './data-source.js';
import { MIGRATIONS } from './migrations.js';
import { Transactions } from './transaction.js';

/** The injection token of the pg pool under the DataSource, for the statements that are prepared, bounded or streamed. */
export const PG_POOL = Symbol('pg Pool');

@Module({})
export class DatabaseModule implements OnModuleInit {
  constructor(
    private readonly dataSource: DataSource,
    private readonly readiness: ReadinessChecks,
  ) {}

  static with(dataSource: DataSource): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: DataSource, useValue: dataSource },
        { provide: PG_POOL, useFactory: () => poolOf(dataSource) },
        Transactions,
      ],
      exports: [DataSource, PG_POOL, Transactions],
    };
  }

  onModuleInit(): void {
    // Bounded: a probe every few seconds must not use up the pool while the database is silent.
    const pool = poolOf(this.dataSource);
    this.readiness.add('database', async () => {
      await boundedQuery(pool, { name: 'ready-database', text: 'SELECT 1' });
      return null;
    });
    this.readiness.add('migrations', async () => {
      const rows = await boundedQuery<{ name: string }>(pool, {
        name: 'ready-migrations',
        text: 'SELECT name FROM migrations',
      });
      const done = new Set(rows.map(({ name }) => name));
      return MIGRATIONS.every(({ name }) => done.has(name)) ? null : 'there are pending migrations';
    });
  }
}
