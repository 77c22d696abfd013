import { median } from '../ocsp/comparison.js';
import { mebibytes, tellTable, whole } from '../ocsp/report.js';
import { PRESIGN_CASES, type PresignCase, type PresignRound } from './presign-bench.js';

/** For rows that issuance made. To make them later for certificates that lack them is done once. */
const WANTED: Readonly<Record<PresignCase, string>> = {
  'certificates without rows': '',
  'new rows': '≥ 0.5',
  'due rows': '≥ 0.5',
};

/** Medians over the rounds; of the longest delay and the memory, the most. */
export function tellPresign(rounds: readonly PresignRound[]): void {
  const of = (pick: (round: PresignRound) => number): number => median(rounds.map(pick));
  const bare = [whole(of((round) => round.signaturesPerSecond)), whole(of((round) => round.copiedPerSecond))] as const;
  const line = (each: PresignCase): string[] => [
    each,
    whole(of((round) => round.presigned[each].perSecond)),
    ...bare,
    of((round) => round.presigned[each].perSecond / slower(round)).toFixed(2),
    WANTED[each],
    of((round) => round.presigned[each].cpuMicrosEach).toFixed(1),
    of((round) => round.presigned[each].p99DelayMs).toFixed(0),
    Math.max(...rounds.map((round) => round.presigned[each].longestDelayMs)).toFixed(0),
    mebibytes(Math.max(...rounds.map((round) => round.presigned[each].peakBytes))),
  ];
  tellTable(
    [
      'measured',
      'responses a second',
      'bare signatures',
      'bare COPY',
      'ratio to the slower',
      'wanted',
      'CPU µs',
      'delay ms, p99',
      'longest',
      'peak memory',
    ],
    PRESIGN_CASES.map(line),
  );
}

function slower({ signaturesPerSecond, copiedPerSecond }: PresignRound): number {
  return Math.min(signaturesPerSecond, copiedPerSecond);
}
