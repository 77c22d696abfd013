import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestApp } from './test-app.js';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it came. */
  readonly bytes: Buffer;
  /** Standard output as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

const MAIN = join(process.cwd(), 'dist/src/cli/main.js');

/** Runs the compiled command line as a process of its own; the CERTPLANE_ variables of this one are not passed on. */
export function runCli(args: readonly string[], { cwd, env = {}, stdin = '' }: CliOptions): Promise<CliResult> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...Object.fromEntries(own), ...env } });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // It may end without having read what it is given.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const bytes = Buffer.concat(stdout);
      const text = bytes.toString('utf8');
      resolve({
        code,
        bytes,
        stdout: text,
        stderr: Buffer.concat(stderr).toString('utf8'),
        json: <T>() => JSON.parse(text) as T,
      });
    });
  });
}

/** The variables by which the command line finds an app that runs in a test. */
export function cliEnvironment({ httpsUrl, dataDir }: TestApp): Record<string, string> {
  return {
    CERTPLANE_URL: httpsUrl,
    CERTPLANE_API_KEY_FILE: join(dataDir, 'admin.key'),
    CERTPLANE_CA_FILE: join(dataDir, 'ca.pem'),
  };
}
