import 'reflect-metadata';
import cluster from 'node:cluster';
import { existsSync } from 'node:fs';
import { createApp, type AppFacts } from './app.js';
import { ConfigurationError, readConfig, type Config } from './platform/config/env.js';
import { StartError } from './platform/errors/start-error.js';
import { VERSION } from './version.js';
import { startWorkers, tellReady } from './workers.js';

interface Running extends AppFacts {
  stop(): Promise<void>;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(error: unknown): never {
  const known = error instanceof ConfigurationError || error instanceof StartError;
  const text = error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`Certplane can't start.\n${text}\n`);
  process.exit(1);
}

function announce(facts: AppFacts, config: Config): void {
  const shown = ['0.0.0.0', '::'].includes(config.host) ? 'localhost' : config.host;
  const host = shown.includes(':') ? `[${shown}]` : shown;
  const relyingParties = config.pkiHttpPort === 0 ? config.pkiUrl : `http://${host}:${config.pkiHttpPort}`;
  say('');
  for (const warning of facts.warnings) say(`  ! ${warning}`);
  say('');
  say(`  Certplane ${VERSION} is running.`);
  say(`  REST interface     https://${host}:${config.httpsPort}/api/v1  (described at /api/v1/docs)`);
  say(`  Relying parties    ${relyingParties}/.well-known/pki/`);
  say(`  CA certificate     ${facts.caFile}`);
  say(`  Admin API key      ${whereAdminKeyIs(facts, config)}`);
  say('  Try it             npm run tour');
  say('');
}

function whereAdminKeyIs({ adminKeyFile }: AppFacts, { bootstrapAdminKey }: Config): string {
  if (bootstrapAdminKey !== null) return 'the one in CERTPLANE_BOOTSTRAP_ADMIN_KEY';
  return existsSync(adminKeyFile) ? adminKeyFile : 'where the first instance on this database wrote it';
}

function start(config: Config): Promise<Running> {
  if (cluster.isWorker) return createApp(config);
  say(`Certplane ${VERSION}`);
  const onProgress = (message: string): void => say(`- ${message}`);
  return config.workers > 1 ? startWorkers(config, onProgress) : createApp(config, { onProgress });
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const starting = start(config);
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    if (cluster.isPrimary) say(`- ${signal}: stopping`);
    starting
      .then((running) => running.stop())
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // A worker without its primary would serve on, unseen.
  process.on('disconnect', () => stop('disconnect'));
  const running = await starting;
  if (cluster.isWorker) tellReady();
  else announce(running, config);
}

main().catch(fail);
