import { addSeconds, earliest, truncateToSecond, BACKDATE_SECONDS } from '../platform/clock/clock.js';

/** How long an `unknown` may be believed: the certificate may be issued in a moment. */
const UNKNOWN_VALIDITY_SECONDS = 300;

/** When a response was made, and how long it holds. All times are whole seconds. */
export interface ResponseTimes {
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Half of the validity: from here on a new one is made (CA/B BR 4.9.10). */
  readonly refreshAt: Date;
}

/**
 * The times of a response that is made now. It begins a little in the past, a tenth of its validity at most, and ends with
 * the responder's certificate at the latest.
 */
export function responseTimes(now: Date, validity: number, responderNotAfter: Date): ResponseTimes {
  const producedAt = truncateToSecond(now);
  const thisUpdate = addSeconds(producedAt, -Math.min(BACKDATE_SECONDS, Math.floor(validity / 10)));
  const nextUpdate = earliest(addSeconds(thisUpdate, validity), responderNotAfter);
  const half = Math.floor((nextUpdate.getTime() - thisUpdate.getTime()) / 2000);
  return { producedAt, thisUpdate, nextUpdate, refreshAt: addSeconds(thisUpdate, half) };
}

/** The times of an `unknown`: short, for nothing tells when the serial number will be given away. */
export function unknownTimes(now: Date, responderNotAfter: Date): ResponseTimes {
  const producedAt = truncateToSecond(now);
  const nextUpdate = earliest(addSeconds(producedAt, UNKNOWN_VALIDITY_SECONDS), responderNotAfter);
  return { producedAt, thisUpdate: addSeconds(producedAt, -BACKDATE_SECONDS), nextUpdate, refreshAt: producedAt };
}
