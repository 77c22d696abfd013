import { usageFailure } from './failure.js';

const UNITS = [
  ['year', 31_557_600_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A time of the interface as people read it, to the minute: `2026-12-21 04:55`. UTC. */
export function toMinute(iso: string | null): string {
  return iso === null ? '-' : iso.slice(0, 16).replace('T', ' ');
}

/** The same to the second. */
export function toSecond(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

/** A time with how far it is from now: `2026-12-21 04:55:30 UTC (in 29 days)`. Null stays null. */
export function toMoment(time: string | Date | null, now = new Date()): string | null {
  if (time === null) return null;
  const date = new Date(time);
  return `${toSecond(date.toISOString())} UTC (${fromNow(date, now)})`;
}

/** A time that somebody typed, as the interface wants it. @param option which, for the error; @throws Failure */
export function parseTime(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw usageFailure(
    `${option} is ${JSON.stringify(text)}, which is not a time.`,
    'Write it as 2027-01-31 or 2027-01-31T12:00:00Z.',
  );
}

/** `1 certificate`, `2 certificates`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

/** All of them, or `all` where there is no limit. */
export function listed(items: readonly string[] | null): string {
  return items === null ? 'all' : items.join(', ');
}

function fromNow(date: Date, now: Date): string {
  const distance = date.getTime() - now.getTime();
  const [unit, length] = UNITS.find(([, milliseconds]) => Math.abs(distance) >= milliseconds) ?? ['second', 1000];
  const text = counted(Math.floor(Math.abs(distance) / length), unit);
  return distance < 0 ? `${text} ago` : `in ${text}`;
}
