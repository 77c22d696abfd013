import { z } from 'zod';

export const HEALTH_SCHEMA = z.object({ status: z.literal('ok') }).meta({ example: { status: 'ok' } });

export const READINESS_SCHEMA = z
  .object({
    ready: z.boolean(),
    checks: z.record(z.string(), z.string()).describe('`ok`, or what is missing, by the name of the check.'),
  })
  .meta({ example: { ready: true, checks: { database: 'ok', migrations: 'ok', issuer_keys: 'ok' } } });
