import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface OpensslResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams. */
  readonly output: string;
}

/** A folder to work in with the real openssl, removed by `remove`. */
export class OpensslWorkshop {
  readonly dir = mkdtempSync(join(tmpdir(), 'certplane-openssl-'));

  /** Writes a file; its path. */
  file(name: string, contents: string | Uint8Array): string {
    const path = join(this.dir, name);
    writeFileSync(path, contents);
    return path;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Runs openssl whatever its exit code; it must not block the event loop, for the app answers from it. */
  run(...args: string[]): Promise<OpensslResult> {
    return new Promise((resolve) => {
      execFile('openssl', args, { cwd: this.dir, encoding: 'utf8', maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr, output: stdout + stderr });
      });
    });
  }

  /** Runs openssl and expects success; its standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, output, stdout } = await this.run(...args);
    if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${output}`);
    return stdout;
  }

  /** A new key and its CSR, PEM. `algorithm` is what `openssl genpkey` takes. */
  async csr(
    subject: string,
    options: { algorithm?: string[]; names?: string; extra?: string[] } = {},
  ): Promise<{ csr: string; keyFile: string }> {
    const keyFile = this.path(`key-${Math.random().toString(36).slice(2)}.pem`);
    await this.ok(
      'genpkey',
      ...(options.algorithm ?? ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']),
      '-out',
      keyFile,
    );
    const names = options.names === undefined ? [] : ['-addext', `subjectAltName=${options.names}`];
    const csr = await this.ok('req', '-new', '-key', keyFile, '-subj', subject, ...names, ...(options.extra ?? []));
    return { csr, keyFile };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
