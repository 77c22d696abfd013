// Compiles into dist/. The compiler is called by path: both TypeScript packages own the name `tsc`.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.stdout.write('Building Certplane ... ');
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const started = performance.now();
const tsc = spawnSync(process.execPath, ['node_modules/typescript-native/bin/tsc', '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (tsc.status !== 0) {
  process.stdout.write(`failed\n${tsc.stdout}`);
  process.exit(tsc.status ?? 1);
}
process.stdout.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
