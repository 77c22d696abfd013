import { z } from 'zod';
import { DURATION_PATTERN, findDurationSeconds } from './duration.js';

/** Seconds, written such as 90s, 15m, 1h or 7d. */
export const duration = (min: string, max: string) => {
  const least = findDurationSeconds(min)!;
  const most = findDurationSeconds(max)!;
  return z
    .string()
    .regex(DURATION_PATTERN, 'must be a duration such as 90s, 15m, 1h or 7d')
    .transform((text) => findDurationSeconds(text) ?? 0)
    .refine((seconds) => seconds >= least && seconds <= most, `must lie between ${min} and ${max}`);
};

/** A TCP port. */
export const port = (least: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .refine((value) => value >= least && value <= 65_535, `must lie between ${least} and 65535`);

const SIZE_PATTERN = /^(\d{1,12})(KiB|MiB|GiB)?$/;
const BYTES_PER_UNIT = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

function bytesOf(text: string): number {
  const [, count, unit] = SIZE_PATTERN.exec(text) ?? [];
  return Number(count) * (unit === undefined ? 1 : BYTES_PER_UNIT[unit as keyof typeof BYTES_PER_UNIT]);
}

/** A whole number. */
export const integer = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must lie between ${least} and ${most}`);

/** `true` or `false`. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Some of these, separated by commas. */
export const list = <T extends string>(values: readonly [T, ...T[]]) =>
  z
    .string()
    .transform((text) => [...new Set(text.split(',').map((item) => item.trim()))].filter((item) => item !== ''))
    .pipe(z.array(z.enum(values)));

/** Bytes, written such as 512KiB or 1MiB. */
export const size = (min: string, max: string) =>
  z
    .string()
    .regex(SIZE_PATTERN, 'must be a number of bytes, or such as 512KiB or 1MiB')
    .transform(bytesOf)
    .refine((bytes) => bytes >= bytesOf(min) && bytes <= bytesOf(max), `must lie between ${min} and ${max}`);

/** 32 bytes, in base64 or hexadecimal. */
export const masterKey = z
  .string()
  .refine((text) => decodeMasterKey(text) !== null, 'must be 32 bytes in base64 or in hexadecimal')
  .transform((text) => decodeMasterKey(text)!);

/** An http or https URL, without its trailing slashes. */
export const webUrl = z
  .string()
  .refine((text) => isBaseUrl(text), 'must be an http or https URL without a query, a fragment or credentials')
  .transform((text) => text.replace(/\/+$/, ''));

function decodeMasterKey(text: string): Buffer | null {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return null;
  return Buffer.from(trimmed, 'base64');
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text) || text.length > 200 || !/^[\x21-\x7e]+$/.test(text)) return false;
  const url = new URL(text);
  const bare = url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  return (url.protocol === 'http:' || url.protocol === 'https:') && bare && !/[?#]$/.test(text);
}
