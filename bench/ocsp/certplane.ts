import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';

/** A running Certplane, as `npm start` starts it. */
export interface Certplane {
  readonly child: Child;
  readonly port: number;
  /** PEM of its root issuer. */
  readonly issuerPem: string;
}

/**
 * Starts the app in a process of its own and waits until it serves. Nothing is limited that a bench would run into.
 * @param dataDir the same one for the same database: it holds the master key
 */
export async function startCertplane(
  databaseUrl: string,
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
  execArgv: readonly string[] = [],
): Promise<Certplane> {
  mkdirSync(dataDir, { recursive: true });
  const port = await findFreePort();
  const child = Child.start(fileURLToPath(new URL('../../src/main.js', import.meta.url)), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: ['--import', new URL('probe.js', import.meta.url).href, ...execArgv],
    env: {
      ...process.env,
      CERTPLANE_DATABASE_URL: databaseUrl,
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: String(port),
      CERTPLANE_OCSP_RATE_LIMIT_PER_IP_MIN: '0',
      // Nothing else works at the same time.
      CERTPLANE_OCSP_PRESIGN: 'lazy',
      CERTPLANE_LOG_LEVEL: 'fatal',
      ...environment,
    },
  });
  await untilReady(child);
  return { child, port, issuerPem: readFileSync(join(dataDir, 'ca.pem'), 'utf8') };
}

async function untilReady({ process: { stdout } }: Child): Promise<void> {
  let said = '';
  for await (const chunk of stdout!.iterator({ destroyOnReturn: false })) {
    said += String(chunk);
    if (!said.includes('is running.')) continue;
    stdout!.resume();
    return;
  }
  throw new Error(`Certplane did not start: ${said}`);
}

/** A TCP port that nobody listens on now. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
