import { Injectable } from '@nestjs/common';

/** The wall clock. Everything that asks for the time asks this, so that tests can move it. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }
}

/** What is signed begins so long before it was made: clocks of relying parties may be this far behind ours. */
export const BACKDATE_SECONDS = 300;

/** The same instant without its fraction of a second: DER has none (RFC 5280 section 4.1.2.5, RFC 6960 section 4.2.2.1). */
export function truncateToSecond(instant: Date): Date {
  return new Date(Math.floor(instant.getTime() / 1000) * 1000);
}

export function addSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

export function earliest(first: Date, ...others: Date[]): Date {
  return others.reduce((least, other) => (other < least ? other : least), first);
}

export function latest(first: Date, ...others: Date[]): Date {
  return others.reduce((most, other) => (other > most ? other : most), first);
}
