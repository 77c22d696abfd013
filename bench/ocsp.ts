import { parseArgs } from 'node:util';
import { Bench } from './ocsp/bench.js';
import { compareWithNginx } from './ocsp/nginx.js';
import {
  compareCached,
  compareNonce,
  compareScale,
  FLOODS,
  LAYERS,
  measureFlood,
  measureMemory,
  WARM_CERTIFICATES,
} from './ocsp/phases.js';
import { tellComparisons, tellFlood, tellMachine, tellMemory, tellNginx, type Line } from './ocsp/report.js';

const FEW = 10_000;
const MEMORY_ENTRIES = 100_000;

const PARTS = ['cached', 'nonce', 'nginx', 'flood', 'scale', 'memory'] as const;

const HELP = `Measures the OCSP responder against bare node:http and bare signatures, all in one run.
  --certificates N  size of the large inventory (default 1000000)
  --pairs N         how often each comparison alternates (default 9)
  --seconds N       how long each side runs each time (default 1)
  --only PART       ${PARTS.join(', ')}; may be repeated
`;

const { values } = parseArgs({
  options: {
    certificates: { type: 'string', default: '1000000' },
    pairs: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [...PARTS] },
    help: { type: 'boolean', default: false },
  },
});

async function measure(bench: Bench): Promise<void> {
  const wants = (part: (typeof PARTS)[number]): boolean => values.only.includes(part);
  tellMachine(bench.options);
  const few = await bench.prepareSite('few', FEW);
  if (wants('cached')) tellComparisons(await compareEachForm());
  if (wants('nonce')) {
    const { built, signatures, server } = await compareNonce(bench, few);
    const bare = 'P-256 signatures on one thread';
    tellComparisons([
      { name: 'response with a nonce, without HTTP', base: bare, wanted: '≥ 0.6', result: built },
      { name: 'nonce', base: bare, wanted: '', result: signatures },
      { name: 'nonce', base: 'node:http with one signature an answer', wanted: '≥ 0.75', result: server },
    ]);
  }
  if (wants('nginx')) tellNginx(await compareWithNginx(bench, few));
  if (wants('flood')) for (const connections of FLOODS) tellFlood(await measureFlood(bench, few, connections));
  if (!wants('scale') && !wants('memory')) return;
  const many = await bench.prepareSite('many', bench.options.certificates);
  if (wants('scale')) tellComparisons(await compareEachLayer());
  if (wants('memory')) tellMemory(await measureMemory(bench, many, Math.min(MEMORY_ENTRIES, many.certificates)));

  async function compareEachForm(): Promise<Line[]> {
    const lines: Line[] = [];
    for (const certificates of [1, WARM_CERTIFICATES]) {
      for (const form of ['POST', 'GET'] as const) {
        const result = await compareCached(bench, few, form, certificates);
        const of = `${form}, ${certificates === 1 ? '1 response' : `${certificates} responses in turn`}`;
        lines.push({ name: `cached ${of}`, base: `node:http, ${of}`, wanted: '≥ 0.8', result });
      }
    }
    return lines;
  }

  async function compareEachLayer(): Promise<Line[]> {
    const lines: Line[] = [];
    for (const layer of LAYERS) {
      const result = await compareScale(bench, few, many, layer);
      const of = (count: number): string => `${layer}, ${count.toLocaleString('en')} certificates`;
      lines.push({ name: of(many.certificates), base: of(few.certificates), wanted: '≥ 0.83', result });
    }
    return lines;
  }
}

if (values.help) {
  process.stdout.write(HELP);
} else {
  const bench = new Bench({
    certificates: Number(values.certificates),
    pairs: Number(values.pairs),
    seconds: Number(values.seconds),
  });
  try {
    await measure(bench);
  } finally {
    await bench.close();
  }
}
