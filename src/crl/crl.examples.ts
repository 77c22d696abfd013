import { ISSUER_ID_EXAMPLE } from '../issuers/issuer.examples.js';

const CRL_NUMBER_EXAMPLE = '1795255200123';

/** What the OpenAPI document shows. */
export const CRL_CACHE_EXAMPLE = {
  cache_rows: [
    {
      issuer_id: ISSUER_ID_EXAMPLE,
      kind: 'complete',
      shard: null,
      cache_present: true,
      crl_number: CRL_NUMBER_EXAMPLE,
      this_update: '2026-11-21T08:55:00.000Z',
      next_update: '2026-11-25T08:55:00.000Z',
      generated_at: '2026-11-21T09:00:00.123Z',
      generation_duration_ms: 41,
      revoked_count: 3,
      size_bytes: 512,
      is_stale: false,
      recent_events: [
        {
          started_at: '2026-11-21T09:00:00.123Z',
          duration_ms: 41,
          succeeded: true,
          crl_number: CRL_NUMBER_EXAMPLE,
          revoked_count: 3,
          error: null,
        },
      ],
    },
  ],
  row_count: 1,
  generated_at: '2026-11-21T09:30:00.000Z',
};
