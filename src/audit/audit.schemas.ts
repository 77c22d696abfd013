import { z } from 'zod';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import { AUDIT_ACTIONS, AUDIT_OUTCOMES, AUDIT_SUBJECT_TYPES } from './audit-action.js';
import { AUDIT_EVENT_EXAMPLE } from './audit.examples.js';
import type { AuditEventEntity } from './audit-event.entity.js';

const TIME = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .meta({ example: AUDIT_EVENT_EXAMPLE.occurred_at });

export const AUDIT_QUERY = z.strictObject({
  ...PAGE_QUERY,
  action: z.enum(AUDIT_ACTIONS).optional(),
  actor: z
    .string()
    .regex(/^[^\p{C}]{1,500}$/u, 'must be an actor, such as api-key:deploy')
    .optional()
    .describe('Who did it, or tried to.')
    .meta({ example: AUDIT_EVENT_EXAMPLE.actor }),
  outcome: z.enum(AUDIT_OUTCOMES).optional(),
  subject_type: z.enum(AUDIT_SUBJECT_TYPES).optional(),
  subject_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'must be an id')
    .optional()
    .describe('What was acted upon, for example the id of a certificate.')
    .meta({ example: AUDIT_EVENT_EXAMPLE.subject_id }),
  from: TIME.optional().describe('What happened at this time or later.'),
  to: TIME.optional().describe('What happened before this time.'),
});
export type AuditQuery = z.output<typeof AUDIT_QUERY>;

export const AUDIT_EXPORT_QUERY = z.strictObject({
  from: TIME.optional().describe('What was sealed at this time or later.'),
  to: TIME.optional().describe('What was sealed before this time.'),
});
export type AuditExportQuery = z.output<typeof AUDIT_EXPORT_QUERY>;

export const AUDIT_EVENT = z
  .object({
    id: z.uuid(),
    occurred_at: z.iso.datetime(),
    actor: z.string().describe('`api-key:<name>`, or `system:<component>` for what Certplane does by itself.'),
    action: z.string(),
    outcome: z.enum(AUDIT_OUTCOMES),
    subject_type: z.string(),
    subject_id: z.string().nullable(),
    source_address: z.string().nullable(),
    request_id: z.string().nullable(),
    details: z.record(z.string(), z.unknown()).describe('Where something was changed, `before` and `after` say what.'),
  })
  .meta({ example: AUDIT_EVENT_EXAMPLE });

export const AUDIT_PAGE = pageSchema(AUDIT_EVENT);

export function presentAuditEvent(event: AuditEventEntity): z.input<typeof AUDIT_EVENT> {
  return {
    id: event.id,
    occurred_at: event.occurredAt.toISOString(),
    actor: event.actor,
    action: event.action,
    outcome: event.outcome,
    subject_type: event.subjectType,
    subject_id: event.subjectId,
    source_address: event.sourceAddress,
    request_id: event.requestId,
    details: event.details,
  };
}
