import type { ParseArgsConfig } from 'node:util';
import type { DataSource } from 'typeorm';

/** What a command works with. */
export interface AdminContext {
  /** Runs work on the database of the configuration, whether the server runs or not. @throws StartError */
  readonly withDatabase: <T>(work: (dataSource: DataSource) => Promise<T>) => Promise<T>;
  /** The result, on standard output. */
  readonly print: (text: string) => void;
  /** What a person wants to know besides, on standard error. */
  readonly tell: (text: string) => void;
}

/** Options by name, as node:util parseArgs gives them. */
export type AdminOptions = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A command for whoever has the machine and the database; it needs no API key. */
export interface AdminCommand {
  /** For example `key create`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The options and examples. */
  readonly help: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /**
   * @returns the exit code: 0 done, 1 the answer is no
   * @throws AdminUsageError, StartError, DomainError
   */
  run(options: AdminOptions, context: AdminContext): Promise<number>;
}

/** The command was called wrongly; the message says how it is meant. */
export class AdminUsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AdminUsageError';
  }
}
