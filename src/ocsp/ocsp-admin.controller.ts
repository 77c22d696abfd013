import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { ISSUER_ID } from '../issuers/issuer.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import { EXPLAIN_OCSP, OCSP_CACHE, OCSP_EXPLANATION, OCSP_REFRESH, type ExplainOcsp } from './ocsp-admin.schemas.js';
import { OcspCacheReport } from './ocsp-cache-report.js';
import { OcspExplanationService } from './ocsp-explanation.service.js';
import { OcspRefresh } from './ocsp-refresh.js';

@ApiTags('ocsp')
@Controller('api/v1/admin/ocsp')
export class OcspAdminController {
  constructor(
    private readonly report: OcspCacheReport,
    private readonly refresh: OcspRefresh,
    private readonly explanation: OcspExplanationService,
  ) {}

  @Get('cache')
  @Requires('ocsp:read')
  @ApiOperation({ summary: 'How the OCSP caches and nodes stand', operationId: 'getOcspCache' })
  @ApiResponse({ status: 200, standardSchema: OCSP_CACHE })
  @ApiProblems()
  async cache(@CurrentCaller() { scope }: Caller): Promise<z.input<typeof OCSP_CACHE>> {
    return this.report.get(scope);
  }

  @Post('cache/:issuer_id/refresh')
  @Requires('ocsp:manage')
  @HttpCode(202)
  @Audit('ocsp_cache.refresh', 'issuer')
  @ApiOperation({ summary: 'Sign all responses of an issuer anew', operationId: 'refreshOcspCache' })
  @ApiResponse({ status: 202, standardSchema: OCSP_REFRESH })
  @ApiProblems('issuer_not_found')
  async refreshIssuer(
    @Param('issuer_id', { schema: ISSUER_ID }) issuerId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof OCSP_REFRESH>> {
    return { issuer_id: issuerId, due: await this.refresh.refresh(issuerId, caller) };
  }

  @Post('explain')
  @Requires('ocsp:read')
  @HttpCode(200)
  @ApiConsumes('application/json', 'application/ocsp-request')
  @ApiOperation({
    summary: 'What would OCSP answer, and why: for a request in base64 or DER, or a serial number',
    operationId: 'explainOcsp',
  })
  @ApiResponse({ status: 200, standardSchema: OCSP_EXPLANATION })
  @ApiProblems('invalid_request', 'invalid_serial_number', 'issuer_not_found')
  async explain(
    @Body({ schema: EXPLAIN_OCSP }) body: ExplainOcsp,
    @CurrentCaller() { scope }: Caller,
  ): Promise<z.input<typeof OCSP_EXPLANATION>> {
    return this.explanation.explain(body, scope);
  }
}
