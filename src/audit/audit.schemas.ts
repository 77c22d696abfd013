import { z } from 'zod';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import { AUDIT_ACTIONS } from './audit-action.js';
import type { AuditEventEntity } from './audit-event.entity.js';

export const AUDIT_QUERY = z.strictObject({
  ...PAGE_QUERY,
  action: z.enum(AUDIT_ACTIONS).optional(),
  subject_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'must be an id')
    .optional()
    .describe('What was acted upon, for example the id of a certificate.'),
});
export type AuditQuery = z.output<typeof AUDIT_QUERY>;

export const AUDIT_EVENT = z.object({
  id: z.uuid(),
  occurred_at: z.iso.datetime(),
  actor: z.string().describe('`api-key:<name>`, or `system:<component>` for what Certplane does by itself.'),
  action: z.string(),
  outcome: z.enum(['success', 'refused']),
  subject_type: z.string(),
  subject_id: z.string().nullable(),
  source_address: z.string().nullable(),
  request_id: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});

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
