import { z } from 'zod';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { formatDistinguishedName } from '../pki/distinguished-name.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { OCSP_RESPONDER_EXAMPLE } from './ocsp.examples.js';
import type { OcspResponderEntity } from './ocsp-responder.entity.js';

export const OCSP_RESPONDER = z
  .object({
    issuer_id: z.string(),
    id: z.uuid(),
    state: z
      .enum(['current', 'previous'])
      .describe('`previous`: it signs no more, and stays until the last response that it signed has expired.'),
    serial_number: z.string(),
    subject: z.string(),
    not_before: z.iso.datetime(),
    not_after: z.iso.datetime(),
    key_usable: z.boolean().describe('Whether this instance can sign with its key.'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'OcspResponder', example: OCSP_RESPONDER_EXAMPLE });

export const OCSP_RESPONDERS = z
  .object({ items: z.array(OCSP_RESPONDER) })
  .meta({ id: 'OcspResponders', example: { items: [OCSP_RESPONDER_EXAMPLE] } });

export function presentResponder(row: OcspResponderEntity, keyUsable: boolean): z.input<typeof OCSP_RESPONDER> {
  const { serialNumber, subjectDer, notBefore, notAfter } = parseCertificateFields(row.certificateDer);
  return {
    issuer_id: row.issuerId,
    id: row.id,
    state: row.supersededAt === null ? 'current' : 'previous',
    serial_number: formatSerialNumber(serialNumber),
    subject: formatDistinguishedName(subjectDer),
    not_before: notBefore.toISOString(),
    not_after: notAfter.toISOString(),
    key_usable: keyUsable,
    created_at: row.createdAt.toISOString(),
  };
}
