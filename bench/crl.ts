import { parseArgs } from 'node:util';
import { say, tellProcessor } from './ocsp/report.js';
import { CrlBench, type CrlRound, type DeltaRound } from './crl/crl-bench.js';
import { tellCrls, tellDeltas } from './crl/crl-report.js';

const FEW_CHANGES = 100;
const MANY_CHANGES = 5000;
/** Its index of more entries takes openssl minutes. */
const OPENSSL_MAX = 1_000_000;

const HELP = `Measures CRLs against streaming their rows, and against openssl, all in one run.
  --entries N,N  how many entries, rising (default 10000,100000,1000000)
  --rounds N     how often it alternates between its sides at each size (default 3)
`;

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '10000,100000,1000000' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});

async function measure(sizes: readonly number[], count: number): Promise<void> {
  tellProcessor();
  say(`medians of ${count} rounds`);
  const bench = await CrlBench.open();
  try {
    const complete: [number, CrlRound[]][] = [];
    const deltas: [number, DeltaRound[]][] = [];
    for (const entries of sizes) {
      process.stderr.write(`- ${entries.toLocaleString('en')} entries\n`);
      const withOpenssl = entries <= OPENSSL_MAX;
      await bench.grow(entries, withOpenssl);
      // The first warms up.
      await bench.round(false);
      const rounds: CrlRound[] = [];
      const deltaRounds: DeltaRound[] = [];
      for (let round = 0; round < count; round++) {
        rounds.push(await bench.round(withOpenssl));
        deltaRounds.push(await bench.deltas(FEW_CHANGES, MANY_CHANGES));
      }
      complete.push([entries, rounds]);
      deltas.push([entries, deltaRounds]);
    }
    tellCrls(complete);
    tellDeltas(FEW_CHANGES, MANY_CHANGES, deltas);
  } finally {
    await bench.close();
  }
}

if (values.help) process.stdout.write(HELP);
else await measure(values.entries.split(',').map(Number), Number(values.rounds));
