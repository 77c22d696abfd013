import type { OutgoingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import type { Validators } from '../platform/http/byte-range.js';
import { cachingHeaders } from '../platform/http/public-answer.js';
import type { CrlDescription } from './crl-representation.js';

export const CRL_CONTENT_TYPE = 'application/pkix-crl';
export const CRL_PEM_CONTENT_TYPE = 'application/x-pem-file';

/** The headers that a CRL is sent with. */
@Injectable()
export class CrlHeaders {
  constructor(
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** What a cache must know; of a 304 these are all. A CRL is kept until nextUpdate, or CERTPLANE_HTTP_MAX_AGE if that is sooner. */
  ofCaching({ crl, etag }: CrlDescription): OutgoingHttpHeaders {
    const left = Math.floor((crl.nextUpdate.getTime() - this.clock.now().getTime()) / 1000);
    return {
      Vary: 'Accept-Encoding',
      ...cachingHeaders({
        etag,
        lastModified: crl.thisUpdate,
        expires: crl.nextUpdate,
        maxAge: Math.max(0, Math.min(this.config.httpMaxAge, left)),
      }),
    };
  }

  ofContent(description: CrlDescription): OutgoingHttpHeaders {
    const { variant } = description;
    return {
      'Content-Type': variant.startsWith('pem') ? CRL_PEM_CONTENT_TYPE : CRL_CONTENT_TYPE,
      ...(variant.endsWith('gzip') ? { 'Content-Encoding': 'gzip' } : {}),
      'Accept-Ranges': 'bytes',
      ...this.ofCaching(description),
    };
  }
}

/** No two CRLs of a scope have the same thisUpdate, to the second. */
export function validatorsOf({ crl, etag }: CrlDescription): Validators {
  return { etag, lastModified: crl.thisUpdate };
}
