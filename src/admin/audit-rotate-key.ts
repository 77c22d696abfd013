import { Registry } from 'prom-client';
import { IsNull, type DataSource } from 'typeorm';
import { AuditKeyEntity } from '../audit/audit-seal.entity.js';
import { AuditMetrics } from '../audit/audit.metrics.js';
import { AuditService } from '../audit/audit.service.js';
import { Clock } from '../platform/clock/clock.js';
import { Transactions } from '../platform/database/transaction.js';
import { systemCaller } from '../platform/http/caller.js';
import type { AdminCommand } from './admin-command.js';

/** Retires the key that signs checkpoints: the server, which has the master key, makes a new one when it seals next. */
export const AUDIT_ROTATE_KEY: AdminCommand = {
  name: 'audit rotate-key',
  summary: 'Have the checkpoints of the audit trail signed by a new key from now on',
  help: `The server makes the new key when it seals next. GET /api/v1/audit/checkpoints shows all keys; verifying needs the
old ones too.

Example:
  npm run admin -- audit rotate-key`,
  options: {},
  run: async (_, { withDatabase, tell }) => {
    const retired = await withDatabase(retire);
    for (const keyId of retired) tell(`The key ${keyId} signs no more checkpoints.`);
    if (retired.length === 0) tell('There is no key that signs: the server makes one when it seals next.');
    return 0;
  },
};

function retire(dataSource: DataSource): Promise<string[]> {
  const clock = new Clock();
  const audit = new AuditService(dataSource, clock, new AuditMetrics(new Registry()));
  return new Transactions(dataSource).run(async (tx) => {
    const keys = await tx.find(AuditKeyEntity, { where: { retiredAt: IsNull() }, lock: { mode: 'pessimistic_write' } });
    for (const { keyId } of keys) {
      const retiredAt = clock.now();
      await tx.update(AuditKeyEntity, { keyId }, { retiredAt });
      await audit.record(tx, systemCaller('admin-command'), {
        action: 'audit_key.retire',
        subjectType: 'audit_key',
        subjectId: keyId,
        change: { before: { retired_at: null }, after: { retired_at: retiredAt.toISOString() } },
      });
    }
    return keys.map(({ keyId }) => keyId);
  });
}
