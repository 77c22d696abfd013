import { median } from '../ocsp/comparison.js';
import { mebibytes, tellTable, whole } from '../ocsp/report.js';
import type { CrlRound, DeltaRound } from './crl-bench.js';

/** The size that the ratios are promised for. */
const PROMISED = 1_000_000;

const ms = (value: number): string => `${whole(value)} ms`;

/** Medians over the rounds; of the memory and the longest delay, the most. */
export function tellCrls(sizes: readonly (readonly [entries: number, rounds: readonly CrlRound[]])[]): void {
  tellTable(
    [
      'entries',
      'size',
      'built and stored',
      'rows and one pass',
      'ratio',
      'wanted',
      'openssl ca -gencrl',
      'memory above idle',
      'of the CRL',
      'wanted',
      'longest delay',
    ],
    sizes.map(([entries, rounds]) => {
      const size = rounds[0]!.built.sizeBytes;
      const grown = Math.max(...rounds.map(({ built }) => built.grownBytes));
      const openssl = rounds.map(({ opensslMs }) => opensslMs).filter((value) => value !== null);
      return [
        whole(entries),
        mebibytes(size),
        ms(median(rounds.map(({ built }) => built.elapsedMs))),
        ms(median(rounds.map(({ streamedMs }) => streamedMs))),
        median(rounds.map(({ built, streamedMs }) => built.elapsedMs / streamedMs)).toFixed(2),
        entries === PROMISED ? '< 2' : '',
        openssl.length === 0 ? '' : ms(median(openssl)),
        mebibytes(grown),
        (grown / size).toFixed(1),
        entries >= PROMISED ? '< 4' : '',
        ms(Math.max(...rounds.map(({ built }) => built.longestDelayMs))),
      ];
    }),
  );
}

export function tellDeltas(
  few: number,
  many: number,
  sizes: readonly (readonly [entries: number, rounds: readonly DeltaRound[]])[],
): void {
  tellTable(
    ['entries of the complete CRL', `delta of ${whole(few)} changes`, `delta of ${whole(many)} changes`],
    sizes.map(([entries, rounds]) => [
      whole(entries),
      ms(median(rounds.map((round) => round.few.elapsedMs))),
      ms(median(rounds.map((round) => round.many.elapsedMs))),
    ]),
  );
}
