import { CERTIFICATE_ID_EXAMPLE, SERIAL_NUMBER_EXAMPLE } from '../certificates/certificate.examples.js';

/** What the OpenAPI document shows. */
export const REVOKE_CERTIFICATE_EXAMPLE = { reason: 'keyCompromise', invalidity_date: '2026-11-20T00:00:00Z' };

export const REVOKE_CERTIFICATES_EXAMPLE = { ids: [CERTIFICATE_ID_EXAMPLE], reason: 'cessationOfOperation' };

const REVOKED_CERTIFICATE_EXAMPLE = {
  id: CERTIFICATE_ID_EXAMPLE,
  serial_number: SERIAL_NUMBER_EXAMPLE,
  status: 'revoked',
  reason: 'keyCompromise',
  revoked_at: '2026-11-21T10:30:00.000Z',
  invalidity_date: '2026-11-20T00:00:00.000Z',
};
const VISIBLE_EXAMPLE = { ocsp: true, nodes: 2, waited_ms: 6 };

export const REVOCATION_EXAMPLE = { ...REVOKED_CERTIFICATE_EXAMPLE, visible: VISIBLE_EXAMPLE };

export const REVOCATIONS_EXAMPLE = { items: [REVOKED_CERTIFICATE_EXAMPLE], visible: VISIBLE_EXAMPLE };

export const RELEASE_EXAMPLE = {
  id: CERTIFICATE_ID_EXAMPLE,
  serial_number: SERIAL_NUMBER_EXAMPLE,
  status: 'active',
  released_at: '2026-11-21T11:15:00.000Z',
  visible: VISIBLE_EXAMPLE,
};
