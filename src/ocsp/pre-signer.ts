import { Inject, Injectable } from '@nestjs/common';
import { ResponsePreparation } from '../certificates/response-preparation.js';
import { IssuerDirectory } from '../issuers/issuer-directory.js';
import { buildCertId } from '../pki/cert-id.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import type { Tx } from '../platform/database/transaction.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import { ResponseSigner } from './response-signer.js';

/** Signs responses before anybody asks: for a certificate that is issued, and for one that was revoked. */
@Injectable()
export class PreSigner extends ResponsePreparation {
  private readonly active: boolean;

  constructor(
    private readonly directory: IssuerDirectory,
    private readonly store: OcspResponseStore,
    private readonly signer: ResponseSigner,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {
    super();
    this.active = config.ocsp.enabled && config.ocsp.presign === 'eager';
  }

  override async enroll(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void> {
    if (this.active) await this.store.enroll(tx, issuerId, serialNumber);
  }

  override async prepare(issuerId: string, serialNumber: Buffer): Promise<void> {
    if (!this.active) return;
    try {
      const issuer = await this.directory.findById(issuerId);
      if (issuer === null) return;
      for (const algorithm of this.config.ocsp.presignHashes) {
        await this.signer.signAndStore(issuer, buildCertId(algorithm, issuer, serialNumber));
      }
    } catch (error) {
      // Its row stays due, and the schedule signs it.
      this.logger.warn({ err: error, issuerId }, 'a response could not be signed in advance');
    }
  }

  /** Without waiting for it. */
  prepareSoon(issuerId: string, serialNumber: Buffer): void {
    void this.prepare(issuerId, serialNumber);
  }
}
