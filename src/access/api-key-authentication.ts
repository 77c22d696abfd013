import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { boundedQuery } from '../platform/database/bounded-query.js';
import { PG_POOL } from '../platform/database/database.module.js';
import type { Principal } from '../platform/http/caller.js';
import type { Role } from '../platform/http/permission.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';

/** How often a key's last use is written at the most. */
const LAST_USE_SECONDS = 60;

interface KeyRow {
  id: string;
  name: string;
  role: Role;
  issuer_ids: string[] | null;
  profiles: string[] | null;
  expires_at: Date | null;
  last_used_at: Date | null;
}

/** Finds who holds a key. The database is asked each time: a key that was revoked is refused from then on. */
@Injectable()
export class ApiKeyAuthentication {
  private readonly beingWritten = new Set<string>();

  constructor(
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** Null for a key that is unknown, expired, revoked, or was replaced longer ago than its overlap. */
  async find(keySha256: Buffer): Promise<Principal | null> {
    const now = this.clock.now();
    const [row] = await boundedQuery<KeyRow>(this.pool, {
      name: 'api-key',
      text: `SELECT id, name, role, issuer_ids, profiles, expires_at, last_used_at FROM api_keys
              WHERE (key_sha256 = $1 OR (previous_key_sha256 = $1 AND previous_valid_until > $2))
                AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
      values: [keySha256, now],
    });
    if (row === undefined) return null;
    if (row.last_used_at === null || row.last_used_at <= addSeconds(now, -LAST_USE_SECONDS)) this.noteUse(row.id, now);
    return {
      actor: `api-key:${row.name}`,
      role: row.role,
      scope: { issuerIds: row.issuer_ids, profiles: row.profiles },
      expiresAt: row.expires_at,
    };
  }

  /** Beside the answer, which neither waits for it nor fails with it. */
  private noteUse(id: string, now: Date): void {
    if (this.beingWritten.has(id)) return;
    this.beingWritten.add(id);
    this.pool
      .query('UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)', [
        id,
        now,
        addSeconds(now, -LAST_USE_SECONDS),
      ])
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the last use of an API key could not be written'))
      .finally(() => this.beingWritten.delete(id));
  }
}
