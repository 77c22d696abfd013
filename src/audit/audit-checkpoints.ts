import { Injectable } from '@nestjs/common';
import { DataSource, LessThan } from 'typeorm';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { AuditCheckpointEntity } from './audit-seal.entity.js';
import type { ListCheckpoints } from './checkpoint.schemas.js';

const TREE_SIZE = /^\d{1,15}$/;

/** What was signed of the trail. */
@Injectable()
export class AuditCheckpoints {
  constructor(private readonly dataSource: DataSource) {}

  /** Checkpoints, largest tree first. @throws DomainError invalid_cursor */
  async list(query: ListCheckpoints): Promise<{ rows: readonly AuditCheckpointEntity[]; nextCursor: string | null }> {
    const before = findCursorId(query, TREE_SIZE);
    const found = await this.dataSource.manager.find(AuditCheckpointEntity, {
      ...(before === null ? {} : { where: { treeSize: LessThan(before) } }),
      order: { treeSize: 'DESC' },
      take: query.limit + 1,
    });
    return cutPage(
      found.map((row) => Object.assign(row, { id: row.treeSize })),
      query,
    );
  }
}
