import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, Site } from './bench.js';
import { findFreePort } from './certplane.js';
import { median } from './comparison.js';
import { sampleOf } from './inventory.js';
import { fetchAnswer, getPath, startBare } from './phases.js';

/** Requests a second, medians. */
export interface NginxResult {
  readonly certplane: number;
  readonly bare: number;
  readonly nginx: number;
}

/** Null where nginx or wrk is not installed. */
export async function compareWithNginx(bench: Bench, site: Site): Promise<NginxResult | null> {
  if (!isInstalled('nginx', '-v') || !isInstalled('wrk', '-v')) return null;
  const { pairs, seconds } = bench.options;
  return bench.withCertplane(site, {}, async (certplane) => {
    const serials = sampleOf(site.certificates, 1);
    const path = getPath(site, serials[0]!);
    const bare = await startBare(bench, certplane, site, { serials });
    const nginx = await startNginx(Buffer.from((await fetchAnswer(certplane, site, serials[0]!)).body));
    const rates = { certplane: [] as number[], bare: [] as number[], nginx: [] as number[] };
    try {
      for (let round = 0; round < pairs; round++) {
        rates.bare.push(await runWrk(bare.port, path, seconds));
        rates.certplane.push(await runWrk(certplane.port, path, seconds));
        rates.nginx.push(await runWrk(nginx.port, '/response', seconds));
      }
    } finally {
      await nginx.stop();
    }
    return { certplane: median(rates.certplane), bare: median(rates.bare), nginx: median(rates.nginx) };
  });
}

function isInstalled(command: string, flag: string): boolean {
  return spawnSync(command, [flag], { stdio: 'ignore' }).error === undefined;
}

async function startNginx(body: Buffer): Promise<{ port: number; stop(): Promise<void> }> {
  const home = mkdtempSync(join(tmpdir(), 'certplane-nginx-'));
  const port = await findFreePort();
  writeFileSync(join(home, 'response'), body);
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    join(home, 'nginx.conf'),
    `daemon off; worker_processes 1; ${user} pid ${home}/pid; error_log ${home}/error.log;
     events { worker_connections 1024; }
     http {
       access_log off; default_type application/ocsp-response; keepalive_requests 100000000; open_file_cache max=10;
       server { listen 127.0.0.1:${port}; root ${home}; }
     }`,
  );
  const nginx = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: 'ignore' });
  await untilListening(port);
  return {
    port,
    stop: async () => {
      const exited = once(nginx, 'exit');
      nginx.kill('SIGTERM');
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('nginx did not start');
}

async function runWrk(port: number, path: string, seconds: number): Promise<number> {
  const wrk = spawn('wrk', ['-t1', '-c32', `-d${Math.ceil(seconds)}s`, `http://127.0.0.1:${port}${path}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const chunk of wrk.stdout) printed += String(chunk);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1];
  if (rate === undefined || printed.includes('Non-2xx')) throw new Error(`wrk failed: ${printed}`);
  return Number(rate);
}
