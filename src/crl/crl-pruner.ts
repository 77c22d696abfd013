import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlEvents } from './crl-events.js';

const INTERVAL_MS = 600_000;

/** Forgets what became of builds long ago. */
@Injectable()
export class CrlPruner {
  constructor(
    private readonly events: CrlEvents,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('crl-pruner', INTERVAL_MS)
  async run(): Promise<void> {
    try {
      await this.events.prune();
    } catch (error) {
      this.logger.error({ err: error }, 'old events of CRL builds could not be removed');
    }
  }
}
