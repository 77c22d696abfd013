import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { createApp, type App } from './app.js';
import { ConfigurationError, readConfig, type Config } from './platform/config/env.js';
import { StartError } from './platform/errors/start-error.js';
import { VERSION } from './version.js';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(error: unknown): never {
  const known = error instanceof ConfigurationError || error instanceof StartError;
  const text = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`Certplane can't start.\n${text}\n`);
  process.exit(1);
}

function announce(app: App, config: Config): void {
  const shown = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host;
  const host = shown.includes(':') ? `[${shown}]` : shown;
  say('');
  for (const warning of app.warnings) say(`  ! ${warning}`);
  say('');
  say(`  Certplane ${VERSION} is running.`);
  say(`  REST interface     https://${host}:${config.httpsPort}/api/v1  (described at /api/v1/docs)`);
  say(
    `  Relying parties    ${app.pkiServer === null ? config.pkiUrl : `http://${host}:${config.pkiHttpPort}`}/.well-known/pki/`,
  );
  say(`  CA certificate     ${app.caFile}`);
  say(`  Admin API key      ${whereAdminKeyIs(app, config)}`);
  say('  Try it             npm run tour');
  say('');
}

function whereAdminKeyIs({ adminKeyFile }: App, { bootstrapAdminKey }: Config): string {
  if (bootstrapAdminKey !== null) return 'the one in CERTPLANE_BOOTSTRAP_ADMIN_KEY';
  return existsSync(adminKeyFile) ? adminKeyFile : 'where the first instance on this database wrote it';
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  say(`Certplane ${VERSION}`);
  const starting = createApp(config, { onProgress: (message) => say(`- ${message}`) });
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    say(`- ${signal}: stopping`);
    starting
      .then((app) => app.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  announce(await starting, config);
}

main().catch(fail);
