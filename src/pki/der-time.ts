import { TAG } from './der-tags.js';

/** The most octets that a written time takes: a GeneralizedTime with its header. */
export const TIME_MAX_BYTES = 17;

const ZERO = 0x30;
const ZULU = 0x5a;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** The calendar repeats. */
const CYCLE_YEARS = 400;
const CYCLE_SECONDS = 146_097 * 86_400;

// Set anew for every time written, so that writing a million of them makes no garbage.
const scratch = new Date(0);

/** Writes a Time (RFC 5280 section 4.1.2.5: UTCTime for 1950 to 2049, GeneralizedTime otherwise) and returns the offset after it. */
export function writeTime(target: Uint8Array, offset: number, epochSeconds: number): number {
  const year = setScratch(epochSeconds);
  if (year < 1950 || year > 2049) return writeScratch(target, offset, TAG.generalizedTime, year);
  return writeScratch(target, offset, TAG.utcTime, year);
}

/** Writes a UTCTime, for the years 1950 to 2049 only, and returns the offset after it. */
export function writeUtcTime(target: Uint8Array, offset: number, epochSeconds: number): number {
  const year = setScratch(epochSeconds);
  if (year < 1950 || year > 2049) throw new RangeError('a UTCTime lies in the years 1950 to 2049');
  return writeScratch(target, offset, TAG.utcTime, year);
}

/** Writes a GeneralizedTime without fractions and returns the offset after it. */
export function writeGeneralizedTime(target: Uint8Array, offset: number, epochSeconds: number): number {
  return writeScratch(target, offset, TAG.generalizedTime, setScratch(epochSeconds));
}

/**
 * Reads YYMMDDHHMMSSZ or, with four year digits, YYYYMMDDHHMMSSZ: seconds since 1970, NaN where that is no moment of the
 * calendar. Makes no garbage.
 */
export function parseTimeSeconds(bytes: Uint8Array, start: number, end: number, yearDigits: 2 | 4): number {
  if (end - start !== yearDigits + 11 || bytes[end - 1] !== ZULU) return NaN;
  const rest = start + yearDigits;
  const year = yearDigits === 2 ? fullYear(pair(bytes, start)) : pair(bytes, start) * 100 + pair(bytes, start + 2);
  const month = pair(bytes, rest);
  const day = pair(bytes, rest + 2);
  const hours = pair(bytes, rest + 4);
  const minutes = pair(bytes, rest + 6);
  const seconds = pair(bytes, rest + 8);
  // A comparison with NaN, which stands for what is no digit, is false.
  const exists = day >= 1 && day <= daysIn(year, month) && hours <= 23 && minutes <= 59 && seconds <= 59;
  if (!exists) return NaN;
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  return Date.UTC(year + CYCLE_YEARS, month - 1, day, hours, minutes, seconds) / 1000 - CYCLE_SECONDS;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return DAYS[month - 1] ?? NaN;
}

function fullYear(year: number): number {
  return year < 50 ? 2000 + year : 1900 + year;
}

function pair(bytes: Uint8Array, at: number): number {
  return digit(bytes[at]) * 10 + digit(bytes[at + 1]);
}

function digit(octet = NaN): number {
  const value = octet - ZERO;
  return value >= 0 && value <= 9 ? value : NaN;
}

function setScratch(epochSeconds: number): number {
  scratch.setTime(Math.floor(epochSeconds) * 1000);
  const year = scratch.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new RangeError('a time must lie in the years 0 to 9999');
  return year;
}

function writeScratch(target: Uint8Array, offset: number, tag: number, year: number): number {
  let at = offset;
  target[at] = tag;
  target[at + 1] = tag === TAG.utcTime ? 13 : 15;
  at += 2;
  if (tag === TAG.generalizedTime) at = writePair(target, at, Math.floor(year / 100));
  at = writePair(target, at, year % 100);
  at = writePair(target, at, scratch.getUTCMonth() + 1);
  at = writePair(target, at, scratch.getUTCDate());
  at = writePair(target, at, scratch.getUTCHours());
  at = writePair(target, at, scratch.getUTCMinutes());
  at = writePair(target, at, scratch.getUTCSeconds());
  target[at] = ZULU;
  return at + 1;
}

function writePair(target: Uint8Array, at: number, value: number): number {
  target[at] = ZERO + Math.floor(value / 10);
  target[at + 1] = ZERO + (value % 10);
  return at + 2;
}
