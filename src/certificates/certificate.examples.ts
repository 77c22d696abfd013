import { CERTIFICATE_PEM_EXAMPLE, ISSUER_ID_EXAMPLE } from '../issuers/issuer.examples.js';

/** What the OpenAPI document shows. */
export const CERTIFICATE_ID_EXAMPLE = '019aa6c2-5d10-7c3e-9b1a-2f6c1d0e4a57';
export const SERIAL_NUMBER_EXAMPLE = '5bd7c8a1f0e24b3396a1d07c5e8f4412';

/** A request that is one: who tries it out is issued a certificate. */
export const ISSUE_CERTIFICATE_EXAMPLE = {
  issuer_id: ISSUER_ID_EXAMPLE,
  csr: `-----BEGIN CERTIFICATE REQUEST-----
MIIBAjCBqQIBADAaMRgwFgYDVQQDDA93d3cuZXhhbXBsZS5jb20wWTATBgcqhkjO
PQIBBggqhkjOPQMBBwNCAAQ7kk1pvmcrqAtFZMdWMTNFpNZ4x9ldls0QizIB0AN7
uNNSLMzer9u0dQBQ+YbPeH6x4/USX8nufOat60ToEQYNoC0wKwYJKoZIhvcNAQkO
MR4wHDAaBgNVHREEEzARgg93d3cuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAw
RQIhAKBk8SjWpv1l1YHupH3euE7aWlOME7LzMaX3+GaIfo7GAiAsSnpOlitt1GMV
+O7w1/A5T731UrAR1IRYDRv0VYms2g==
-----END CERTIFICATE REQUEST-----
`,
  validity: '90d',
  subject_alternative_names: { dns: ['www.example.com', 'example.com'] },
};

export const CERTIFICATE_SUMMARY_EXAMPLE = {
  id: CERTIFICATE_ID_EXAMPLE,
  issuer_id: ISSUER_ID_EXAMPLE,
  serial_number: SERIAL_NUMBER_EXAMPLE,
  profile: 'leaf',
  status: 'active',
  subject: 'CN=www.example.com',
  subject_alternative_names: { dns: ['www.example.com', 'example.com'], ip: [], email: [], uri: [] },
  not_before: '2026-11-21T08:55:00.000Z',
  not_after: '2027-02-19T09:00:00.000Z',
  fingerprint_sha256: '8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4',
  revoked_at: null,
  revocation_reason: null,
  invalidity_date: null,
};

export const REVOCATION_STEP_EXAMPLE = {
  occurred_at: '2026-11-21T10:30:00.000Z',
  action: 'hold',
  actor: 'api-key:operations',
  reason: 'certificateHold',
  revoked_at: '2026-11-21T10:30:00.000Z',
  invalidity_date: null,
};

export const CERTIFICATE_EXAMPLE = {
  ...CERTIFICATE_SUMMARY_EXAMPLE,
  certificate_pem: CERTIFICATE_PEM_EXAMPLE,
  chain_pem: CERTIFICATE_PEM_EXAMPLE,
  revocation_history: [
    REVOCATION_STEP_EXAMPLE,
    {
      occurred_at: '2026-11-21T11:15:00.000Z',
      action: 'release',
      actor: 'api-key:operations',
      reason: null,
      revoked_at: null,
      invalidity_date: null,
    },
  ],
};
