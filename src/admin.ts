import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DataSource } from 'typeorm';
import { AdminUsageError, type AdminCommand, type AdminContext, type AdminOptions } from './admin/admin-command.js';
import { checkSchema } from './admin/admin-database.js';
import { AUDIT_ROTATE_KEY } from './admin/audit-rotate-key.js';
import { AUDIT_VERIFY } from './admin/audit-verify.js';
import { KEY_CREATE } from './admin/key-create.js';
import { openDatabase } from './app.js';
import { ENTITIES } from './entities.js';
import { ConfigurationError, readConfig } from './platform/config/env.js';
import { createDataSource } from './platform/database/data-source.js';
import { DomainError } from './platform/errors/domain-error.js';
import { StartError } from './platform/errors/start-error.js';

const COMMANDS: readonly AdminCommand[] = [KEY_CREATE, AUDIT_VERIFY, AUDIT_ROTATE_KEY];

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const CONTEXT: AdminContext = {
  withDatabase,
  print: (text) => void process.stdout.write(`${text}\n`),
  tell: (text) => void process.stderr.write(`${text}\n`),
};

/** The database as the server would open it; the embedded one is started where it does not run, and stopped again. */
async function withDatabase<T>(work: (dataSource: DataSource) => Promise<T>): Promise<T> {
  const config = readConfig(process.env);
  if (config.databaseUrl === null && !existsSync(join(config.dataDir, 'postgres'))) {
    throw new StartError(
      `There is no database in ${config.dataDir}: start the server once, or set CERTPLANE_DATA_DIR or CERTPLANE_DATABASE_URL as it has them.`,
    );
  }
  const database = await openDatabase(config, (message) => CONTEXT.tell(`- ${message}`));
  const dataSource = createDataSource(database.url, ENTITIES);
  try {
    await dataSource.initialize().catch((error: unknown) => {
      throw new StartError(`Can't connect to PostgreSQL: ${(error as Error).message}.`, error);
    });
    await checkSchema(dataSource);
    return await work(dataSource);
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await database.close();
  }
}

function usage(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: npm run admin -- COMMAND [options]

Works on the database itself, as this account may; it needs no API key. The configuration is the server's.

${list.join('\n')}

COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.`;
}

async function run(args: readonly string[]): Promise<number> {
  const command = COMMANDS.find(({ name }) => name === args.slice(0, name.split(' ').length).join(' '));
  if (command === undefined) {
    const wanted = args.length === 0 || args.includes('--help') || args.includes('-h');
    if (!wanted) throw new AdminUsageError(`there is no command ${args.join(' ')}`);
    CONTEXT.print(usage());
    return args.length === 0 ? EXIT_USAGE : 0;
  }
  const options = parseOptions(command, args.slice(command.name.split(' ').length));
  if (options['help'] === true) {
    CONTEXT.print(`npm run admin -- ${command.name}: ${command.summary}\n\n${command.help}`);
    return 0;
  }
  return command.run(options, CONTEXT);
}

function parseOptions({ options }: AdminCommand, args: readonly string[]): AdminOptions {
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    throw new AdminUsageError((error as Error).message);
  }
}

/** What to say of a failure, and the exit code. */
function explain(error: unknown): [text: string, code: number] {
  if (error instanceof AdminUsageError) return [`${error.message}\nSee npm run admin -- --help`, EXIT_USAGE];
  const known = [StartError, ConfigurationError, DomainError].some((type) => error instanceof type);
  if (!(error instanceof Error)) return [String(error), EXIT_FAILED];
  return [known ? error.message : (error.stack ?? error.message), EXIT_FAILED];
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const [text, code] = explain(error);
  CONTEXT.tell(text);
  process.exitCode = code;
}
