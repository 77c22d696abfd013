import { Inject, Injectable } from '@nestjs/common';
import type { RelyingPartyUrls } from '../pki/certificate.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { PUBLIC_PREFIX } from '../platform/http/public-router.js';

/** The addresses that go into what an issuer signs. They end without a slash: some clients append one of their own. */
@Injectable()
export class RelyingPartyAddresses {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  of(issuerId: string): RelyingPartyUrls {
    const base = `${this.config.pkiUrl}${PUBLIC_PREFIX}`;
    return {
      ocsp: this.config.ocsp.enabled ? `${base}ocsp/${issuerId}` : null,
      crl: `${base}crl/${issuerId}`,
      caIssuers: `${base}ca/${issuerId}`,
    };
  }
}
