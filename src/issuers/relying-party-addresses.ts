import { Inject, Injectable } from '@nestjs/common';
import type { RelyingPartyUrls } from '../pki/certificate.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { PUBLIC_PREFIX } from '../platform/http/public-router.js';

/** The addresses that go into what an issuer signs. They end without a slash: some clients append one of their own. */
@Injectable()
export class RelyingPartyAddresses {
  private readonly base: string;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.base = `${config.pkiUrl}${PUBLIC_PREFIX}`;
  }

  /** @param crlShard the CRL that the certificate is on; null: the complete one */
  of(issuerId: string, crlShard: number | null): RelyingPartyUrls {
    return {
      ocsp: this.config.ocsp.enabled ? `${this.base}ocsp/${issuerId}` : null,
      crl: this.crl(issuerId, crlShard),
      caIssuers: `${this.base}ca/${issuerId}`,
    };
  }

  /** @param shard null: the complete CRL */
  crl(issuerId: string, shard: number | null): string {
    const complete = `${this.base}crl/${issuerId}`;
    return shard === null ? complete : `${complete}/${shard}`;
  }
}
