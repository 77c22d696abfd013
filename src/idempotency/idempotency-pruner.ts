import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { IdempotencyStore } from './idempotency-store.js';

const KEEP_SECONDS = 86_400;
const INTERVAL_MS = 600_000;

/** Answers are kept for a day: longer than anybody goes on repeating a call. */
@Injectable()
export class IdempotencyPruner {
  constructor(
    private readonly store: IdempotencyStore,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  @Interval('idempotency-keys', INTERVAL_MS)
  async run(): Promise<void> {
    try {
      await this.store.prune(addSeconds(this.clock.now(), -KEEP_SECONDS));
    } catch (error) {
      this.logger.warn({ err: error }, 'old idempotency keys could not be removed');
    }
  }
}
