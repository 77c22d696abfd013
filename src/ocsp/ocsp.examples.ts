import { CERTIFICATE_ID_EXAMPLE, SERIAL_NUMBER_EXAMPLE } from '../certificates/certificate.examples.js';
import { ISSUER_ID_EXAMPLE } from '../issuers/issuer.examples.js';

/** What the OpenAPI document shows. */
const PROCESS_ID_EXAMPLE = '019aa6bf-8a3e-7f10-b6d2-4c1e5a9d7b02';
const RESPONDER_SERIAL_NUMBER_EXAMPLE = '3f91d0c4a87b4e6d92c5b1e07a6d3f18';

export const OCSP_CACHE_EXAMPLE = {
  issuers: [
    {
      issuer_id: ISSUER_ID_EXAMPLE,
      good: 1841,
      revoked: 12,
      unsigned: 0,
      fresh: 1853,
      due: 0,
      oldest_produced_at: '2026-11-21T08:12:00.000Z',
    },
  ],
  memory: { entries: 212, bytes: 298_112, max_bytes: 67_108_864, hits: 90_211, misses: 240 },
  nodes: [
    {
      id: PROCESS_ID_EXAMPLE,
      name: 'pki-1:4127',
      this_process: true,
      silent: false,
      behind: 0,
      lease_seconds: 5,
      renewed_at: '2026-11-21T10:29:59.000Z',
      started_at: '2026-11-21T08:00:00.000Z',
    },
  ],
  lease_running: true,
};

export const OCSP_REFRESH_EXAMPLE = { issuer_id: ISSUER_ID_EXAMPLE, due: 1853 };

export const EXPLAIN_OCSP_EXAMPLE = { issuer_id: ISSUER_ID_EXAMPLE, serial_number: SERIAL_NUMBER_EXAMPLE };

export const OCSP_EXPLANATION_EXAMPLE = {
  answer: 'good',
  why: 'The certificate is active.',
  issuer_id: ISSUER_ID_EXAMPLE,
  certificates: [
    {
      serial_number: SERIAL_NUMBER_EXAMPLE,
      cert_id_algorithm: 'sha1',
      id: CERTIFICATE_ID_EXAMPLE,
      subject: 'CN=www.example.com',
      status: 'active',
      why: 'It is in the inventory, and not revoked.',
    },
  ],
  layer: 'memory',
  responder: { serial_number: RESPONDER_SERIAL_NUMBER_EXAMPLE, not_after: '2026-12-21T09:00:00.000Z' },
  nonce: false,
  signed: false,
  produced_at: '2026-11-21T09:05:00.000Z',
  this_update: '2026-11-21T09:05:00.000Z',
  next_update: '2026-11-22T09:05:00.000Z',
  refresh_at: '2026-11-21T21:05:00.000Z',
};

export const OCSP_RESPONDER_EXAMPLE = {
  issuer_id: ISSUER_ID_EXAMPLE,
  id: '019aa6bf-9c01-7a44-8f02-d1b7e5c3a960',
  state: 'current',
  serial_number: RESPONDER_SERIAL_NUMBER_EXAMPLE,
  subject: 'CN=OCSP Responder',
  not_before: '2026-11-21T08:55:00.000Z',
  not_after: '2026-12-21T09:00:00.000Z',
  key_usable: true,
  created_at: '2026-11-21T09:00:00.000Z',
};
