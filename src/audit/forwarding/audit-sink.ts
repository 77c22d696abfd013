import type { TrailItem } from '../trail.js';

/** Where the trail is forwarded. */
export interface AuditSink {
  /** What its position is kept under. */
  readonly name: 'syslog' | 'webhook';
  /**
   * Hands these over. @throws Error whenever it is not known that all of them arrived: they are handed over again then
   * @param signal ends it early
   */
  send(items: readonly TrailItem[], signal: AbortSignal): Promise<void>;
}

/** The longest that a receiver may be silent, in milliseconds. */
export const SINK_TIMEOUT_MS = 10_000;
