import type { z } from 'zod';
import type { AUDIT_EVENT } from './audit.schemas.js';
import { canonicalJson } from './canonical-json.js';
import { hashLeaf } from './merkle-tree.js';

/** An event as the REST interface shows it, and as it is sealed. */
export type AuditEventJson = z.input<typeof AUDIT_EVENT>;

/**
 * The columns of `audit_events e` that make an {@link AuditEventJson}. The time comes as text: in a Date a change of less
 * than a millisecond would not show.
 */
export const EVENT_COLUMNS = `e.id, to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
  e.actor, e.action, e.outcome, e.subject_type, e.subject_id, e.source_address, e.request_id, e.details`;

/** A row of {@link EVENT_COLUMNS}; the time is null where no calendar has it. */
export interface EventRow {
  readonly id: string;
  readonly occurred_at: string | null;
  readonly actor: string;
  readonly action: string;
  readonly outcome: 'success' | 'refused';
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly source_address: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

export function eventOf(row: EventRow): AuditEventJson {
  return {
    id: row.id,
    occurred_at: row.occurred_at?.replace(/000Z$/, 'Z') ?? '',
    actor: row.actor,
    action: row.action,
    outcome: row.outcome,
    subject_type: row.subject_type,
    subject_id: row.subject_id,
    source_address: row.source_address,
    request_id: row.request_id,
    details: row.details,
  };
}

/** The leaf of an event: the hash of its canonical JSON in UTF-8. @throws TypeError when it is no I-JSON */
export function leafHashOf(event: unknown): Buffer {
  return hashLeaf(Buffer.from(canonicalJson(event)));
}
