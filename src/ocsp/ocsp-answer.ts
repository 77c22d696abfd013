import { createHash } from 'node:crypto';
import type { CertStatus } from '../pki/ocsp-response.js';
import type { ResponseTimes } from './ocsp-validity.js';
import { SharedTexts } from './shared-texts.js';

export const OCSP_RESPONSE_CONTENT_TYPE = 'application/ocsp-response';

/** What an entry takes in memory besides its bytes: with 100,000 of them 1060 in the heap, 1600 of resident size. */
const OVERHEAD_BYTES = 1400;

/** Names and values in turn, as node:http writes them without looking at them again. */
export type RawHeaders = string[];

/** Lengths, dates and ages are the same for very many answers. */
const texts = new SharedTexts();

/** A signed answer, and the headers to send it with. */
export class OcspAnswer {
  /** The entity tag (RFC 9919 section 5: the hexadecimal SHA-256 of the response). */
  readonly etag: string;
  /** From here on another one is to be signed, in milliseconds; at once where it is for one client alone. */
  readonly refreshAtMs: number;
  private readonly length: string;
  private readonly lastModified: string;
  private readonly expires: string;
  private cacheControl = 'no-store';
  private cacheControlUntilMs = 0;

  /**
   * @param status for the metric
   * @param times when it may be kept; null for one that is for this client alone, or soon wrong
   */
  constructor(
    readonly der: Buffer,
    readonly status: CertStatus['status'] | 'several',
    readonly times: ResponseTimes | null,
  ) {
    this.length = texts.share(String(der.length));
    this.refreshAtMs = times?.refreshAt.getTime() ?? 0;
    this.etag = times === null ? '' : entityTag(der);
    this.lastModified = times === null ? '' : texts.share(times.thisUpdate.toUTCString());
    this.expires = times === null ? '' : texts.share(times.nextUpdate.toUTCString());
  }

  /** What it takes in memory. */
  get bytes(): number {
    return this.der.length + OVERHEAD_BYTES;
  }

  /** @param maxAge the most seconds that a cache on the way may keep it */
  rawHeaders(nowMs: number, maxAge: number): RawHeaders {
    const { length, etag, lastModified, expires } = this;
    const content = ['Content-Type', OCSP_RESPONSE_CONTENT_TYPE, 'Content-Length', length];
    if (this.times === null) {
      content.push('Cache-Control', 'no-store');
      return content;
    }
    if (nowMs >= this.cacheControlUntilMs) this.renewCacheControl(nowMs, maxAge);
    content.push('ETag', etag, 'Last-Modified', lastModified, 'Expires', expires, 'Cache-Control', this.cacheControl);
    return content;
  }

  /** Like {@link rawHeaders}, without those of the content. */
  notModifiedHeaders(nowMs: number, maxAge: number): RawHeaders {
    return this.rawHeaders(nowMs, maxAge).slice(4);
  }

  /** Never past the refresh. It stays as it is while it is the longest, and then changes every second. */
  private renewCacheControl(nowMs: number, maxAge: number): void {
    const leftMs = this.refreshAtMs - nowMs;
    const age = Math.max(0, Math.min(maxAge, Math.floor(leftMs / 1000)));
    this.cacheControl = texts.share(`max-age=${age}, public, no-transform, must-revalidate`);
    this.cacheControlUntilMs = leftMs > maxAge * 1000 ? this.refreshAtMs - maxAge * 1000 : nowMs + 1000;
  }
}

/** As one run of characters: a text that is put together is kept in its parts, and read more slowly. */
function entityTag(der: Buffer): string {
  const digest = createHash('sha256').update(der).digest('hex');
  return Buffer.from(`"${digest}"`, 'latin1').toString('latin1');
}
