// The long form of the coherence test:
//   npm run test:coherence -- [--seconds 300] [--seed N] [--fault NAME]   asks, revokes and strikes at random
//   npm run test:coherence -- --check FILE                                judges a history that a failed run has left
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string' },
    fault: { type: 'string' },
    check: { type: 'string' },
  },
});
const environment = {
  COHERENCE_SECONDS: values.seconds,
  COHERENCE_SEED: values.seed ?? String(Date.now() % 1_000_000),
  COHERENCE_DIR: process.cwd(),
  ...(values.fault === undefined ? {} : { COHERENCE_FAULT: values.fault }),
  ...(values.check === undefined ? {} : { COHERENCE_CHECK: values.check }),
};
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const test = ['--runInBand', 'test/e2e/coherence.e2e-spec.ts', '--testNamePattern', 'whatever strikes'];
const { status } = spawnSync(process.execPath, [...jest, ...test], {
  env: { ...process.env, ...environment },
  stdio: 'inherit',
});
process.exit(status ?? 1);
