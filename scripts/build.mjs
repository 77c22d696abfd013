// Compiles into dist/. The compiler is called by path: both TypeScript packages own the name `tsc`.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = 'node_modules/typescript-native/bin/tsc';

// Built aside and put into place whole: a build that fails, or is broken off, leaves the last one.
const draft = join(root, `dist-${process.pid}`);
const started = performance.now();
process.stdout.write('Building Certplane ... ');
try {
  const tsc = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', draft], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (tsc.status === 0) {
    const dist = join(root, 'dist');
    const old = `${draft}-old`;
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(draft, dist);
    rmSync(old, { recursive: true, force: true });
    process.stdout.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  } else {
    process.stdout.write(`failed\n${tsc.stdout}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(draft, { recursive: true, force: true });
}
