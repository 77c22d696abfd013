import { parseArgs } from 'node:util';
import { say, tellProcessor } from './ocsp/report.js';
import { PresignBench, type PresignRound } from './presign/presign-bench.js';
import { tellPresign } from './presign/presign-report.js';

const HELP = `Measures signing in advance against bare signatures and a bare COPY, all in one run.
  --responses N  how many, two for each certificate (default 100000)
  --rounds N     how often it alternates between its sides (default 7)
`;

const { values } = parseArgs({
  options: {
    responses: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '7' },
    help: { type: 'boolean', default: false },
  },
});

async function measure(responses: number, rounds: number): Promise<void> {
  tellProcessor();
  say(`${responses.toLocaleString('en')} responses; medians of ${rounds} rounds`);
  const bench = await PresignBench.open(Math.ceil(responses / 2));
  try {
    const done: PresignRound[] = [];
    for await (const round of bench.rounds(rounds)) {
      done.push(round);
      process.stderr.write(`- round ${done.length} of ${rounds}\n`);
    }
    tellPresign(done);
  } finally {
    await bench.close();
  }
}

if (values.help) process.stdout.write(HELP);
else await measure(Number(values.responses), Number(values.rounds));
