import { presentTrailItem } from '../trail-lines.js';
import type { TrailItem } from '../trail.js';

/** Facility 13, log audit (RFC 5424 section 6.2.1). */
const FACILITY_LOG_AUDIT = 13;
const SEVERITY = { warning: 4, informational: 6 } as const;
const MSGID_MAX = 32;
const HOSTNAME_MAX = 255;

/**
 * An event or a checkpoint as a syslog message (RFC 5424). MSGID is the action; MSG is the JSON of the trail, in ASCII, so
 * that no byte order mark has to stand before it (section 6.4).
 */
export function formatSyslogMessage(item: TrailItem, hostname: string): string {
  const { severity, time, messageId } = describe(item);
  const priority = FACILITY_LOG_AUDIT * 8 + severity;
  const host = printable(hostname, HOSTNAME_MAX);
  const json = JSON.stringify(presentTrailItem(item)).replace(/[^\x20-\x7e]/g, escape);
  return `<${priority}>1 ${time} ${host} certplane - ${messageId} [origin software="certplane"] ${json}`;
}

/** A message with its length in front, as it goes over TLS (RFC 5425 section 4.3). It must be ASCII. */
export function frameSyslogMessage(message: string): string {
  return `${message.length} ${message}`;
}

interface Header {
  readonly severity: number;
  readonly time: string;
  readonly messageId: string;
}

function describe(item: TrailItem): Header {
  if (item.kind === 'checkpoint') {
    const time = item.checkpoint.signedAt.toISOString();
    return { severity: SEVERITY.informational, time, messageId: 'audit.checkpoint' };
  }
  const { event } = item.event;
  return {
    severity: event?.outcome === 'success' ? SEVERITY.informational : SEVERITY.warning,
    time: printable(event?.occurred_at ?? '', MSGID_MAX),
    messageId: printable(event?.action ?? '', MSGID_MAX),
  };
}

/** A field of the header; `-` is the one without a value. */
function printable(text: string, most: number): string {
  return text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || '-';
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
