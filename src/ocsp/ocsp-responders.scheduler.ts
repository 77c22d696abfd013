import { Inject, Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspResponderDirectory } from './ocsp-responder-directory.js';
import { OcspResponderRetirement } from './ocsp-responder-retirement.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { PresignScheduler } from './presign-scheduler.js';

const INTERVAL_MS = 30_000;

/** Replaces responders before anybody has to wait for it, and sees to it that what they signed is signed anew. */
@Injectable()
export class OcspRespondersScheduler {
  private running = false;

  constructor(
    private readonly directory: OcspResponderDirectory,
    private readonly responders: OcspRespondersService,
    private readonly retirement: OcspResponderRetirement,
    private readonly presign: PresignScheduler,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('ocsp-responders', INTERVAL_MS)
  async run(): Promise<void> {
    if (!this.config.ocsp.enabled || this.running) return;
    this.running = true;
    try {
      for (const issuerId of await this.directory.findDueForRotation()) await this.rotate(issuerId);
      const renewals = this.config.ocsp.presign === 'eager' ? await this.retirement.findRenewals() : [];
      if (renewals.length > 0) this.presign.wake();
    } catch (error) {
      this.logger.error({ err: error }, 'the search for OCSP responders to replace failed');
    } finally {
      this.running = false;
    }
  }

  /** One issuer that can't sign stops no other. */
  private async rotate(issuerId: string): Promise<void> {
    try {
      this.responders.recheck(issuerId);
      await this.responders.get(issuerId);
    } catch (error) {
      this.logger.error({ err: error, issuerId }, 'an OCSP responder could not be replaced');
    }
  }
}
