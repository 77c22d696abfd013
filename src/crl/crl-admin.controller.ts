import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Audit } from '../audit/audited.js';
import { ISSUER_ID } from '../issuers/issuer.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import { CRL_CACHE, type CrlCache } from './crl-admin.schemas.js';
import { CrlCacheReport } from './crl-cache-report.js';
import { CrlRegeneration } from './crl-regeneration.js';

@ApiTags('crl')
@Controller('api/v1/admin/crl')
export class CrlAdminController {
  constructor(
    private readonly report: CrlCacheReport,
    private readonly regeneration: CrlRegeneration,
  ) {}

  @Get('cache')
  @Requires('crl:admin')
  @ApiOperation({ summary: 'How every CRL stands', operationId: 'getCrlCache' })
  @ApiResponse({ status: 200, standardSchema: CRL_CACHE })
  @ApiProblems()
  async cache(@CurrentCaller() { scope }: Caller): Promise<CrlCache> {
    return this.report.get(scope.issuerIds);
  }

  @Post(':issuer_id/regenerate')
  @Requires('crl:admin')
  @HttpCode(200)
  @Audit('crl.regenerate', 'issuer')
  @ApiOperation({ summary: 'Build all CRLs of an issuer now, and say how they stand', operationId: 'regenerateCrl' })
  @ApiResponse({ status: 200, standardSchema: CRL_CACHE })
  @ApiProblems('issuer_not_found', 'crl_published_elsewhere', 'crl_build_failed')
  async regenerate(
    @Param('issuer_id', { schema: ISSUER_ID }) issuerId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<CrlCache> {
    await this.regeneration.regenerate(issuerId, caller);
    return this.report.get([issuerId]);
  }
}
