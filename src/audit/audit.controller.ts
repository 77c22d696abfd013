import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { ApiProblems } from '../platform/http/api-problems.js';
import { AUDIT_PAGE, AUDIT_QUERY, presentAuditEvent, type AuditQuery } from './audit.schemas.js';
import { AuditService } from './audit.service.js';

@ApiTags('audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @ApiOperation({ summary: 'List audit events, newest first', operationId: 'listAuditEvents' })
  @ApiResponse({ status: 200, standardSchema: AUDIT_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor')
  async list(@Query({ schema: AUDIT_QUERY }) query: AuditQuery): Promise<z.input<typeof AUDIT_PAGE>> {
    const { rows, nextCursor } = await this.audit.list(query);
    return { items: rows.map(presentAuditEvent), next_cursor: nextCursor };
  }
}
