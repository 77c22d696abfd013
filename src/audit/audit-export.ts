import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { PG_POOL } from '../platform/database/database.module.js';
import { Transactions } from '../platform/database/transaction.js';
import type { Caller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { AuditSealer } from './audit-sealer.js';
import { AuditService } from './audit.service.js';
import type { TrailCheckpoint } from './trail.js';
import { formatFirstLine, formatLastLine, formatTrailItem } from './trail-lines.js';
import { TrailReader } from './trail-reader.js';

const SEAL_WAIT_MS = 5000;
const BLOCK_CHARACTERS = 64 * 1024;

/** Which part of the trail is exported: whole batches, those sealed at `from` or later and before `to`. */
export interface AuditExportRange {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Hands the sealed trail out, in a form that proves itself elsewhere. */
@Injectable()
export class AuditExport {
  private readonly reader: TrailReader;

  constructor(
    @Inject(PG_POOL) pool: Pool,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
    private readonly sealer: AuditSealer,
    @InjectLogger() private readonly logger: Logger,
  ) {
    this.reader = new TrailReader(pool);
  }

  /** Records that it is done, commits, seals what waits; only then is there a first byte. @returns NDJSON, in blocks */
  async open({ from, to }: AuditExportRange, caller: Caller): Promise<AsyncIterable<string>> {
    await this.transactions.run((tx) =>
      this.audit.record(tx, caller, {
        action: 'audit.export',
        subjectType: 'audit',
        subjectId: null,
        details: { from: from?.toISOString() ?? null, to: to?.toISOString() ?? null },
      }),
    );
    await this.sealSoon();
    const after = from === undefined ? null : await this.reader.findLastBefore(from);
    const head = to === undefined ? await this.reader.findHead() : await this.reader.findLastBefore(to);
    return inBlocks(this.lines(after, Math.max(head?.treeSize ?? 0, after?.treeSize ?? 0), caller));
  }

  private async *lines(
    after: TrailCheckpoint | null,
    treeSize: number,
    { requestId }: Caller,
  ): AsyncGenerator<string, void, undefined> {
    const firstPosition = after?.treeSize ?? 0;
    yield formatFirstLine(firstPosition, after);
    try {
      for await (const item of this.reader.read(firstPosition, treeSize)) yield formatTrailItem(item);
    } catch (error) {
      this.logger.error({ err: error, requestId }, 'an audit export broke off');
      throw error;
    }
    yield formatLastLine(treeSize);
  }

  /** What was recorded until now shall be in it; but an export of what is sealed is better than none. */
  private async sealSoon(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, SEAL_WAIT_MS);
    });
    const sealing = this.sealer
      .run()
      .catch((error: unknown) =>
        this.logger.error({ err: error }, 'an audit export goes on without the newest events'),
      );
    await Promise.race([sealing, enough]).finally(() => clearTimeout(timer));
  }
}

async function* inBlocks(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let block = '';
  for await (const line of lines) {
    block += line;
    if (block.length < BLOCK_CHARACTERS) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}
