const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** The grammar of a duration, as users write it: `90s`, `15m`, `1h`, `7d`. */
export const DURATION_PATTERN = /^(\d{1,9})([smhd])$/;

/** The seconds in a duration such as `90s`, `15m`, `1h` or `7d`; null for anything else. */
export function findDurationSeconds(text: string): number | null {
  const match = DURATION_PATTERN.exec(text);
  if (!match) return null;
  return Number(match[1]) * SECONDS_PER_UNIT[match[2] as keyof typeof SECONDS_PER_UNIT];
}

/** The shortest exact writing of a number of seconds: 86400 is `1d`. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds > 0 && seconds % SECONDS_PER_UNIT[unit] === 0) return `${seconds / SECONDS_PER_UNIT[unit]}${unit}`;
  }
  return `${seconds}s`;
}
