import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { ISSUER_ID } from '../issuers/issuer.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import { OcspResponderDirectory } from './ocsp-responder-directory.js';
import { OCSP_RESPONDER, OCSP_RESPONDERS, presentResponder } from './ocsp-responders.schemas.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { PresignScheduler } from './presign-scheduler.js';

@ApiTags('ocsp')
@Controller('api/v1/admin/ocsp/responders')
export class OcspRespondersController {
  constructor(
    private readonly directory: OcspResponderDirectory,
    private readonly responders: OcspRespondersService,
    private readonly presign: PresignScheduler,
  ) {}

  @Get()
  @Requires('ocsp:read')
  @ApiOperation({ summary: 'The delegated OCSP responders of all issuers', operationId: 'listOcspResponders' })
  @ApiResponse({ status: 200, standardSchema: OCSP_RESPONDERS })
  @ApiProblems()
  async list(@CurrentCaller() { scope }: Caller): Promise<z.input<typeof OCSP_RESPONDERS>> {
    const items = (await this.directory.list(scope)).map(({ row, keyUsable }) => presentResponder(row, keyUsable));
    return { items };
  }

  @Post(':issuer_id/rotate')
  @Requires('ocsp:manage')
  @HttpCode(200)
  @Audit('ocsp_responder.rotate', 'ocsp_responder')
  @ApiOperation({
    summary: 'Replace the OCSP responder of an issuer now; what the old one signed stays valid',
    operationId: 'rotateOcspResponder',
  })
  @ApiResponse({ status: 200, standardSchema: OCSP_RESPONDER })
  @ApiProblems('invalid_request', 'issuer_not_found', 'issuer_not_active', 'issuer_without_key')
  async rotate(
    @Param('issuer_id', { schema: ISSUER_ID }) issuerId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof OCSP_RESPONDER>> {
    const row = await this.responders.rotate(issuerId, caller);
    this.presign.wake();
    return presentResponder(row, true);
  }
}
