import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { CertplaneClient } from '../../clients/typescript/src/client.js';
import { createApp, type App, type AppOptions } from '../../src/app.js';
import { OcspNode } from '../../src/ocsp/ocsp-node.service.js';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { readConfig, type Config } from '../../src/platform/config/env.js';
import { ApiClient, ask, type Answer } from './api-client.js';
import { findFreePort } from './free-port.js';
import { MovableClock } from './movable-clock.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { waitUntil } from './wait-until.js';

export interface TestApp {
  readonly app: App;
  readonly config: Config;
  readonly clock: MovableClock;
  /** The REST interface, byte for byte. */
  readonly api: ApiClient;
  /** The same, as users of the TypeScript client have it. */
  readonly client: CertplaneClient;
  /** PEM of the root issuer. */
  readonly ca: string;
  readonly dataDir: string;
  readonly httpsUrl: string;
  /** The plain listener. */
  readonly pkiUrl: string;
  readonly dataSource: DataSource;
  readonly database: TestDatabase;
  /** A request to the plain listener. */
  pki(path: string, options?: Parameters<typeof ask>[1]): Promise<Answer>;
  stop(): Promise<void>;
}

export interface TestAppOptions extends Pick<AppOptions, 'schedules'> {
  readonly env?: Record<string, string>;
  /** Another instance on the same database, with the same data directory. */
  readonly beside?: TestApp;
  /** What the app connects to instead of the database itself, for example a relay in front of it. */
  readonly databaseUrl?: (url: string) => string;
}

/** The real app, on free ports, on a database of its own; it answers OCSP from memory already. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { beside } = options;
  const database = beside?.database ?? (await createTestDatabase());
  const dataDir = beside?.dataDir ?? mkdtempSync(join(tmpdir(), 'certplane-'));
  const clock = beside?.clock ?? new MovableClock();
  const config = readConfig({
    CERTPLANE_DATA_DIR: dataDir,
    CERTPLANE_DATABASE_URL: options.databaseUrl?.(database.url) ?? database.url,
    CERTPLANE_HTTPS_PORT: String(await findFreePort()),
    CERTPLANE_PKI_HTTP_PORT: String(await findFreePort()),
    CERTPLANE_LOG_LEVEL: 'fatal',
    CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '0',
    CERTPLANE_RATE_LIMIT_RPS: '0',
    CERTPLANE_CRL_REBUILD_DELAY: '1s',
    // A machine that has much else to do must not let it run out in the middle of a test.
    CERTPLANE_OCSP_LEASE: '30s',
    ...options.env,
  });
  const schedules = options.schedules ?? true;
  const app = await createApp(config, { clock, schedules });
  const node = app.nest.get(OcspNode);
  await waitUntil('its OCSP lease runs', () => node.state.leaseRunning || !config.ocsp.enabled);
  // The first run looks at every certificate: better now than at whatever moment of a test.
  if (schedules) await app.nest.get(PresignScheduler).run();
  const ca = readFileSync(app.caFile, 'utf8');
  const apiKey = config.bootstrapAdminKey ?? readFileSync(app.adminKeyFile, 'utf8').trim();
  const httpsUrl = `https://localhost:${config.httpsPort}`;
  const pkiUrl = `http://127.0.0.1:${config.pkiHttpPort}`;
  const client = new CertplaneClient({ url: httpsUrl, ca, apiKey });
  return {
    app,
    config,
    clock,
    ca,
    dataDir,
    httpsUrl,
    pkiUrl,
    database,
    api: new ApiClient(httpsUrl, ca, apiKey),
    client,
    dataSource: app.nest.get(DataSource),
    pki: (path, ask_) => ask(pkiUrl + path, ask_),
    stop: async () => {
      client.close();
      await app.stop();
      if (beside !== undefined) return;
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
