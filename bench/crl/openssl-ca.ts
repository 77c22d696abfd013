import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { join } from 'node:path';
import { serialNumberOf } from '../ocsp/inventory.js';

const CONFIG = `[ca]
default_ca = bench
[bench]
database = index.txt
crlnumber = crlnumber
certificate = ca.pem
private_key = key.pem
default_md = sha256
default_crl_days = 4
`;

/** Makes a CA for `openssl ca` with the same revoked certificates. */
export async function prepareOpensslCa(directory: string, entries: number): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'ca.cnf'), CONFIG);
  writeFileSync(join(directory, 'crlnumber'), '01\n');
  writeFileSync(join(directory, 'index.txt.attr'), 'unique_subject = no\n');
  openssl(directory, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', [
    ...['-subj', '/CN=bench', '-out', 'ca.pem', '-keyout', 'key.pem'],
  ]);
  const index = createWriteStream(join(directory, 'index.txt'));
  for (let n = 1; n <= entries; n++) {
    const serial = serialNumberOf(n).toString('hex').toUpperCase();
    const line = `R\t351231235959Z\t260101000000Z,superseded\t${serial}\tunknown\t/CN=${n}\n`;
    if (!index.write(line)) await once(index, 'drain');
  }
  index.end();
  await finished(index);
}

/** @returns milliseconds */
export function generateWithOpenssl(directory: string): number {
  const startedMs = performance.now();
  openssl(directory, 'ca', '-config', 'ca.cnf', '-gencrl', '-out', 'crl.pem', '-batch', []);
  return performance.now() - startedMs;
}

function openssl(directory: string, ...args: [...string[], string[]]): void {
  execFileSync('openssl', args.flat(), { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}
