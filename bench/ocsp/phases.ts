import { generateKeyPairSync } from 'node:crypto';
import { get } from 'node:http';
import type { BareAnswer, BareOrder } from './bare-server.js';
import type { SignaturesResult } from './bare-signatures.js';
import type { Bench, Site } from './bench.js';
import type { Certplane } from './certplane.js';
import type { Child } from './child.js';
import { compare, summarize, type Comparison, type Sample, type Summary } from './comparison.js';
import { sampleOf } from './inventory.js';
import { buildRequests, type RequestForm } from './requests.js';

/** Certificates that are asked for when all answers come from memory. */
export const WARM_CERTIFICATES = 1000;
/** Certificates that are asked for when memory is too small for any answer to be found again. */
const COLD_CERTIFICATES = 5000;
const SMALLEST_MEMORY = { CERTPLANE_OCSP_MEMORY_MAX: '1MiB' };

interface BareServer {
  readonly child: Child;
  readonly port: number;
}

/** Cached answers to so many certificates against node:http with the same bytes and headers. */
export async function compareCached(
  bench: Bench,
  site: Site,
  form: 'POST' | 'GET',
  certificates: number,
): Promise<Comparison> {
  return bench.withCertplane(site, {}, async (certplane) => {
    const serials = sampleOf(site.certificates, certificates);
    const requests = await bench.prepareRequests(site.issuer, serials, form);
    await bench.askAll(certplane, requests, serials.length * 2);
    const bare = await startBare(bench, certplane, site, { serials });
    return compare(
      bench.options.pairs,
      () => bench.run(bare, requests),
      () => bench.run(certplane, requests),
    );
  });
}

export interface NonceComparisons {
  /** Responses that are built and signed, without HTTP, against bare signatures. */
  readonly built: Comparison;
  /** Answers over HTTP against bare signatures. */
  readonly signatures: Comparison;
  /** Answers over HTTP against node:http that makes one signature an answer. */
  readonly server: Comparison;
}

export async function compareNonce(bench: Bench, site: Site): Promise<NonceComparisons> {
  return bench.withCertplane(site, {}, async (certplane) => {
    const serials = sampleOf(site.certificates, WARM_CERTIFICATES);
    const requests = await bench.prepareRequests(site.issuer, serials, 'POST with a nonce');
    await bench.askAll(certplane, requests, serials.length * 2);
    const run = (): Promise<Sample> => bench.run(certplane, requests);
    const { pairs, seconds } = bench.options;
    const signer = bench.start('bare-signatures.js');
    const builder = bench.start('built-responses.js');
    const runSigner = (): Promise<Sample> => sampleLoop(signer, seconds);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const bare = await startBare(bench, certplane, site, { serials, privateKey: pem });
    return {
      built: await compare(pairs, runSigner, () => sampleLoop(builder, seconds)),
      signatures: await compare(pairs, runSigner, run),
      server: await compare(pairs, () => bench.run(bare, requests), run),
    };
  });
}

/** One slice of a process that does one thing over and over. */
async function sampleLoop(child: Child, seconds: number): Promise<Sample> {
  const before = await child.cpuMicros();
  const { perSecond } = await child.ask<SignaturesResult>({ seconds });
  const after = await child.cpuMicros();
  return { perSecond, cpuMicrosEach: (after - before) / (perSecond * seconds), load: null };
}

/** How answers are come by. */
export const LAYERS = ['memory', 'database', 'signature'] as const;
export type Layer = (typeof LAYERS)[number];

/** The same on many certificates against few. */
export function compareScale(bench: Bench, few: Site, many: Site, layer: Layer): Promise<Comparison> {
  const environment = layer === 'database' ? SMALLEST_MEMORY : {};
  const count = layer === 'memory' ? WARM_CERTIFICATES : COLD_CERTIFICATES;
  const form: RequestForm = layer === 'signature' ? 'POST with a nonce' : 'POST';
  const prepare = async (site: Site, certplane: Certplane): Promise<() => Promise<Sample>> => {
    const requests = await bench.prepareRequests(site.issuer, sampleOf(site.certificates, count), form);
    await bench.askAll(certplane, requests, count * 2);
    return () => bench.run(certplane, requests);
  };
  return bench.withCertplane(few, environment, async (small) => {
    const runFew = await prepare(few, small);
    return bench.withCertplane(many, environment, async (large) =>
      compare(bench.options.pairs, runFew, await prepare(many, large)),
    );
  });
}

export interface ResponseMemory {
  readonly entries: number;
  readonly heldBytes: number;
  readonly residentBytes: number;
}

/** What the memory of so many responses takes. */
export async function measureMemory(bench: Bench, site: Site, entries: number): Promise<ResponseMemory> {
  return bench.withCertplane(site, { CERTPLANE_OCSP_MEMORY_MAX: '4GiB' }, async (certplane) => {
    const warm = await bench.prepareRequests(site.issuer, sampleOf(site.certificates, WARM_CERTIFICATES), 'POST');
    await bench.askAll(certplane, warm, WARM_CERTIFICATES * 2);
    const before = await certplane.child.memory();
    // One more: what is warm already is among them.
    const requests = await bench.prepareRequests(site.issuer, sampleOf(site.certificates, entries), 'POST');
    await bench.askAll(certplane, requests, entries);
    const after = await certplane.child.memory();
    return {
      entries,
      heldBytes: after.heldBytes - before.heldBytes,
      residentBytes: after.residentBytes - before.residentBytes,
    };
  });
}

export interface Flood {
  readonly floodConnections: number;
  readonly quiet: Summary;
  readonly flooded: Summary;
  readonly flood: Summary;
}

const STEADY_RATE = 1000;
/** Fewer than may wait for a signature, and more. */
export const FLOODS = [400, 700] as const;

/** Cached answers at a steady rate, while another process sends nothing but nonces, and while it does not. */
export async function measureFlood(bench: Bench, site: Site, floodConnections: number): Promise<Flood> {
  return bench.withCertplane(site, {}, async (certplane) => {
    const serials = sampleOf(site.certificates, WARM_CERTIFICATES);
    const cached = await bench.prepareRequests(site.issuer, serials, 'POST');
    await bench.askAll(certplane, cached, serials.length * 2);
    const flooder = bench.start('load.js');
    const nonces = await bench.prepareRequests(site.issuer, serials, 'POST with a nonce', flooder);
    const steady = (): Promise<Sample> => bench.run(certplane, cached, { rate: STEADY_RATE });
    const quiet: Sample[] = [];
    const flooded: Sample[] = [];
    const flood: Sample[] = [];
    for (let pair = 0; pair < bench.options.pairs; pair++) {
      quiet.push(await steady());
      // The flood begins before the steady load and ends after it.
      const flooding = bench.run(certplane, nonces, {
        generator: flooder,
        connections: floodConnections,
        seconds: bench.options.seconds + 1,
      });
      await new Promise((resolve) => setTimeout(resolve, 500));
      flooded.push(await steady());
      flood.push(await flooding);
    }
    return { floodConnections, quiet: summarize(quiet), flooded: summarize(flooded), flood: summarize(flood) };
  });
}

/** Starts node:http with the app's own answers to these serial numbers; with a key it makes one signature for each. */
export async function startBare(
  bench: Bench,
  certplane: Certplane,
  site: Site,
  { serials, privateKey = null }: { serials: readonly Buffer[]; privateKey?: string | null },
): Promise<BareServer> {
  const answers: BareAnswer[] = [];
  for (const serial of serials) answers.push(await fetchAnswer(certplane, site, serial));
  const child = bench.start('bare-server.js');
  const { port } = await child.ask<{ port: number }>({ answers, privateKey } satisfies BareOrder);
  return { child, port };
}

/** The path of a GET request. */
export function getPath(site: Site, serial: Buffer): string {
  const [request] = buildRequests(site.issuer, [serial], 'GET');
  return request!.toString('latin1').split(' ')[1]!;
}

/** One cached answer. */
export function fetchAnswer(certplane: Certplane, site: Site, serial: Buffer): Promise<BareAnswer> {
  const path = getPath(site, serial);
  return new Promise((resolve, reject) => {
    get({ port: certplane.port, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        // node:http writes these three by itself.
        const own = ['date', 'connection', 'keep-alive'];
        const { rawHeaders } = response;
        const headers = rawHeaders.filter((_, i) => !own.includes(rawHeaders[i - (i % 2)]!.toLowerCase()));
        resolve({ body: Buffer.concat(chunks), headers });
      });
    }).once('error', reject);
  });
}
