import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalSigner } from './local-signer.js';

/** The openssl command, in a directory of its own. Names of files are relative to it. */
export class OpensslDirectory {
  readonly #path = mkdtempSync(join(tmpdir(), 'certplane-pki-'));

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }

  write(name: string, contents: string | Uint8Array): void {
    writeFileSync(join(this.#path, name), contents);
  }

  read(name: string): Buffer {
    return readFileSync(join(this.#path, name));
  }

  /** What the command says, on both of its outputs. Throws where it ends with another status than this one. */
  run(args: readonly string[], status = 0): string {
    const ended = spawnSync('openssl', args, { cwd: this.#path, encoding: 'utf8' });
    const output = `${ended.stdout}${ended.stderr}`;
    if (ended.status !== status) throw new Error(`openssl ${args.join(' ')} ended with ${ended.status}: ${output}`);
    return output;
  }

  /** Writes name.pem, a self-signed CA certificate, and name.key; returns the DER of the certificate. */
  makeCa(name: string, signer: LocalSigner, options: readonly string[] = []): Buffer {
    this.#writeKey(name, signer);
    this.run([
      'req',
      '-x509',
      '-new',
      '-key',
      `${name}.key`,
      '-subj',
      `/O=Test/CN=${name}`,
      '-days',
      '30',
      '-out',
      `${name}.pem`,
      ...options,
    ]);
    return this.#toDer(name);
  }

  /** Writes name.pem, a certificate signed by the CA, and name.key; returns the DER of the certificate. */
  issue(name: string, signer: LocalSigner, ca: string, serialNumber: string, extensions = ''): Buffer {
    this.#writeKey(name, signer);
    this.write(`${name}.cnf`, extensions);
    this.run(['req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`]);
    const signing = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-set_serial', `0x${serialNumber}`, '-days', '10'];
    this.run(['x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.cnf`, '-out', `${name}.pem`]);
    return this.#toDer(name);
  }

  #writeKey(name: string, signer: LocalSigner): void {
    this.write(`${name}.key`, signer.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }

  #toDer(name: string): Buffer {
    this.run(['x509', '-in', `${name}.pem`, '-outform', 'DER', '-out', `${name}.der`]);
    return this.read(`${name}.der`);
  }
}
