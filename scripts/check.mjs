// Everything that is checked without running the product. Each check names itself; all are run, and all that fail are shown.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => `node_modules/.bin/${name}`;

/** @type {[name: string, command: string, args: string[]][]} */
const checks = [
  ['format', bin('prettier'), ['--check', '--log-level', 'warn', '.']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings', '--quiet']],
  ['types', process.execPath, ['node_modules/typescript-native/bin/tsc', '-p', 'tsconfig.json', '--noEmit']],
  [
    'import rules',
    bin('depcruise'),
    ['--config', '.dependency-cruiser.mjs', 'src', 'migrations', 'scripts', 'clients'],
  ],
  ['dead code', bin('knip'), ['--no-progress']],
  ['build', process.execPath, ['scripts/build.mjs']],
  ['generated files', process.execPath, ['dist/scripts/generate-docs.js', '--check']],
  ['generated client', process.execPath, ['dist/scripts/generate-client.js', '--check']],
];

let failed = 0;
for (const [name, command, args] of checks) {
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const ok = status === 0;
  if (!ok) failed += 1;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${name} (${seconds} s)\n`);
  if (!ok) process.stdout.write(`${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}\n`);
}
process.exit(failed === 0 ? 0 : 1);
