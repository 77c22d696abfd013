/** What the OpenAPI document shows. */
export const API_KEY_ID_EXAMPLE = '019aa6c0-11f4-7d52-8a5e-90b3f7f3c0de';

export const API_KEY_EXAMPLE = {
  id: API_KEY_ID_EXAMPLE,
  name: 'deploy',
  role: 'operator',
  issuer_ids: ['iss-local'],
  profiles: null,
  status: 'active',
  created_at: '2026-11-21T09:00:00.000Z',
  expires_at: null,
  last_used_at: '2026-11-21T10:29:00.000Z',
  previous_valid_until: null,
  revoked_at: null,
};

export const API_KEY_WITH_SECRET_EXAMPLE = {
  ...API_KEY_EXAMPLE,
  last_used_at: null,
  key: 'certplane_…',
};

export const WHOAMI_EXAMPLE = {
  actor: 'api-key:deploy',
  role: 'viewer',
  permissions: ['issuers:read', 'certificates:read', 'ocsp:read', 'self:read'],
  issuer_ids: ['iss-local'],
  profiles: null,
  expires_at: null,
  source_address: '203.0.113.20',
};
