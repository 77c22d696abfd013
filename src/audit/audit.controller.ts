import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { z } from 'zod';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditExport } from './audit-export.js';
import { AuditKeys } from './audit-keys.js';
import { AUDIT_EXPORT_EXAMPLE } from './audit.examples.js';
import {
  AUDIT_EXPORT_QUERY,
  AUDIT_PAGE,
  AUDIT_QUERY,
  presentAuditEvent,
  type AuditExportQuery,
  type AuditQuery,
} from './audit.schemas.js';
import { AuditService } from './audit.service.js';
import { Audit } from './audited.js';
import {
  CHECKPOINT_PAGE,
  LIST_CHECKPOINTS,
  presentAuditKey,
  presentCheckpoint,
  type ListCheckpoints,
} from './checkpoint.schemas.js';

const NDJSON = 'application/x-ndjson';

@ApiTags('audit')
@Requires('audit:read')
@Controller('api/v1/audit')
export class AuditController {
  constructor(
    private readonly audit: AuditService,
    private readonly checkpoints: AuditCheckpoints,
    private readonly keys: AuditKeys,
    private readonly exports: AuditExport,
  ) {}

  @Get()
  @ApiOperation({ summary: 'List audit events, newest first', operationId: 'listAuditEvents' })
  @ApiResponse({ status: 200, standardSchema: AUDIT_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor')
  async list(@Query({ schema: AUDIT_QUERY }) query: AuditQuery): Promise<z.input<typeof AUDIT_PAGE>> {
    const { rows, nextCursor } = await this.audit.list(query);
    return { items: rows.map(presentAuditEvent), next_cursor: nextCursor };
  }

  @Get('checkpoints')
  @ApiOperation({
    summary: 'List the signed checkpoints of the audit trail, newest first, and the keys that verify them',
    operationId: 'listAuditCheckpoints',
  })
  @ApiResponse({ status: 200, standardSchema: CHECKPOINT_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor')
  async listCheckpoints(
    @Query({ schema: LIST_CHECKPOINTS }) query: ListCheckpoints,
  ): Promise<z.input<typeof CHECKPOINT_PAGE>> {
    const { rows, nextCursor } = await this.checkpoints.list(query);
    const keys = await this.keys.list();
    return {
      items: rows.map(presentCheckpoint),
      next_cursor: nextCursor,
      public_keys: keys.map(presentAuditKey),
    };
  }

  @Get('export')
  @Audit('audit.export', 'audit')
  @ApiOperation({
    summary: 'Export the sealed audit trail, to be verified elsewhere',
    description:
      'A JSON object a line: what the export goes on from, then the events, each checkpoint behind the events that it covers, ' +
      'and a last line without which it broke off. `npm run admin -- audit verify --file` verifies it.',
    operationId: 'exportAuditTrail',
  })
  @ApiResponse({ status: 200, content: { [NDJSON]: { schema: { type: 'string' }, example: AUDIT_EXPORT_EXAMPLE } } })
  @ApiProblems('invalid_request')
  async export(
    @Query({ schema: AUDIT_EXPORT_QUERY }) range: AuditExportQuery,
    @CurrentCaller() caller: Caller,
    @Res() response: Response,
  ): Promise<void> {
    const blocks = await this.exports.open(range, caller);
    response.set({ 'Content-Type': NDJSON, 'Content-Disposition': 'attachment; filename="audit.ndjson"' });
    // Whoever broke it off, who asked sees that it did: the last line is missing, and the connection ends with a fault.
    await pipeline(Readable.from(blocks, { highWaterMark: 1 }), response).catch(() => response.destroy());
  }
}
