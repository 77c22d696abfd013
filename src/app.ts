import type { Server } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import type { DataSource } from 'typeorm';
import { AppModule, type Platform } from './app.module.js';
import { FirstStart } from './control-plane/first-start.js';
import { ServerCertificate } from './control-plane/server-certificate.js';
import { ENTITIES } from './entities.js';
import { KeyEntity } from './keys/key.entity.js';
import { openListeners, PUBLIC_ENDPOINTS } from './listeners.js';
import { loadMasterKey } from './keys/master-key-source.js';
import type { MasterKey } from './keys/master-key.js';
import { createOpenApiDocument } from './openapi.js';
import { Clock } from './platform/clock/clock.js';
import type { Config } from './platform/config/env.js';
import { createDataSource, migrate, withSetupLock } from './platform/database/data-source.js';
import { startEmbeddedPostgres } from './platform/database/embedded-postgres.js';
import { StartError } from './platform/errors/start-error.js';
import { configureHttp } from './platform/http/http-setup.js';
import { createLogger, NestLogger, type Logger } from './platform/logging/logger.js';

export interface AppOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Says what the start is doing; nothing takes long in silence. */
  readonly onProgress?: (message: string) => void;
  /** False keeps the schedulers still, for tests that run them by hand. */
  readonly schedules?: boolean;
}

/** What the person at the terminal is told. */
export interface AppFacts {
  readonly warnings: readonly string[];
  readonly caFile: string;
  readonly adminKeyFile: string;
}

/** A running Certplane. */
export interface App extends AppFacts {
  readonly nest: NestExpressApplication;
  readonly httpsServer: HttpsServer;
  /** Null when the plain listener is off. */
  readonly pkiServer: Server | null;
  stop(): Promise<void>;
}

/** What is to be closed, last opened first. */
class Closing {
  private readonly closers: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

/**
 * Starts everything: the database, the schema, what the first start makes, the listeners.
 * When any of it fails, what was started is stopped again.
 */
export async function createApp(config: Config, options: AppOptions = {}): Promise<App> {
  const closing = new Closing();
  const stop = (): Promise<void> => closing.close();
  try {
    const { nest, facts } = await startWithoutListeners(config, options, closing);
    const listeners = await openListeners(nest, config);
    closing.add(() => listeners.close());
    return { ...facts, nest, httpsServer: listeners.https, pkiServer: listeners.pki, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

/** Does once what several processes of this machine then share: the schema, the first start, the TLS certificate. */
export async function prepareApp(config: Config, options: AppOptions = {}): Promise<AppFacts> {
  const closing = new Closing();
  try {
    const { nest, facts } = await startWithoutListeners(config, { ...options, schedules: false }, closing);
    await nest.get(ServerCertificate).get();
    return facts;
  } finally {
    await closing.close();
  }
}

async function startWithoutListeners(
  config: Config,
  { onProgress = () => undefined, clock = new Clock(), schedules = true, ...options }: AppOptions,
  closing: Closing,
): Promise<{ nest: NestExpressApplication; facts: AppFacts }> {
  const logger = options.logger ?? createLogger(config.logLevel);
  const { masterKey, warning } = loadMasterKey(config);
  const database = await openDatabase(config, onProgress);
  closing.add(() => database.close());
  const dataSource = createDataSource(database.url, ENTITIES);
  onProgress('Connecting to PostgreSQL');
  await dataSource.initialize().catch((error: unknown) => {
    throw new StartError(`Can't connect to PostgreSQL (CERTPLANE_DATABASE_URL): ${reasonOf(error)}.`, error);
  });
  closing.add(() => dataSource.destroy());
  const platform: Platform = { config, dataSource, masterKey, clock, logger, schedules };
  const nest = await withSetupLock(
    dataSource,
    () => onProgress('Waiting for another instance that sets up the database'),
    () => setUp(platform, onProgress),
  );
  closing.add(() => nest.close());
  const { caFile, adminKeyFile } = nest.get(FirstStart);
  const warnings = [warning, ...unsafeDefaults(config)].filter((text) => text !== null);
  return { nest, facts: { warnings, caFile, adminKeyFile } };
}

/** The database of the configuration, or the embedded one, started. */
export async function openDatabase(
  config: Config,
  onProgress: (message: string) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl, close: () => Promise.resolve() };
  const embedded = await startEmbeddedPostgres({
    dataDir: join(config.dataDir, 'postgres'),
    database: 'certplane',
    onProgress,
  });
  return { url: embedded.url, close: () => embedded.stop() };
}

/** Node says nothing but the code when it tried several addresses of a host. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || 'no reason was given';
}

async function setUp(platform: Platform, onProgress: (message: string) => void): Promise<NestExpressApplication> {
  const { dataSource, masterKey } = platform;
  const migrations = await migrate(dataSource);
  if (migrations.length > 0) onProgress(`Migrated the database: ${migrations.join(', ')}`);
  await checkMasterKey(dataSource, masterKey);
  const nest = await createNest(platform);
  try {
    await nest.get(FirstStart).run(onProgress);
    return nest;
  } catch (error) {
    await nest.close();
    throw error;
  }
}

/** Better no start than an instance that can't sign: another master key would show only when a key is needed. */
async function checkMasterKey(dataSource: DataSource, masterKey: MasterKey): Promise<void> {
  const [key] = await dataSource.manager.find(KeyEntity, { order: { id: 'ASC' }, take: 1 });
  if (key === undefined) return;
  try {
    masterKey.unwrap(key.wrappedPrivateKey, key.id).fill(0);
  } catch {
    throw new StartError(
      'The master key is not the one that the keys in this database were wrapped with. ' +
        'Set CERTPLANE_MASTER_KEY or CERTPLANE_MASTER_KEY_FILE to that one.',
    );
  }
}

/** The framework's part of the app, ready to answer; with its OpenAPI document and page. */
export async function createNest(platform: Platform): Promise<NestExpressApplication> {
  const nest = await NestFactory.create<NestExpressApplication>(AppModule.with(platform), new ExpressAdapter(), {
    logger: new NestLogger(platform.logger),
    bodyParser: false,
    abortOnError: false,
  });
  configureHttp(nest, platform.config.maxBodyBytes);
  const endpoints = PUBLIC_ENDPOINTS.map((endpoint) => nest.get(endpoint));
  SwaggerModule.setup('api/v1/docs', nest, createOpenApiDocument(nest, endpoints), {
    jsonDocumentUrl: 'api/v1/openapi.json',
    customSiteTitle: 'Certplane',
  });
  return nest.init();
}

function unsafeDefaults(config: Config): string[] {
  const warnings: string[] = [];
  if (config.pkiUrlIsDefault) {
    warnings.push(
      `Certificates will name ${config.pkiUrl} for OCSP and CRL, which only this machine can reach: set CERTPLANE_PKI_URL before issuing for others.`,
    );
  }
  if (config.databaseUrl === null) {
    warnings.push('The embedded PostgreSQL is for trying out: set CERTPLANE_DATABASE_URL for real use.');
  }
  if (config.ocsp.validity > config.crl.validity) {
    warnings.push('OCSP responses live longer than CRLs (CERTPLANE_OCSP_VALIDITY, CERTPLANE_CRL_VALIDITY).');
  }
  return warnings;
}
