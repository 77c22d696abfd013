import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { ReadinessChecks } from '../health/readiness.js';
import { poolOf } from './data-source.js';
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
    this.readiness.add('database', async () => {
      await this.dataSource.query('SELECT 1');
      return null;
    });
    this.readiness.add('migrations', async () =>
      (await this.dataSource.showMigrations()) ? 'there are pending migrations' : null,
    );
  }
}
