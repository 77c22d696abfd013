import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { CERTIFICATE_ID } from '../certificates/certificate.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import {
  presentRevoked,
  presentVisibility,
  REVOCATION,
  REVOCATIONS,
  REVOKE_CERTIFICATE,
  REVOKE_CERTIFICATES,
  type RevokeCertificate,
  type RevokeCertificates,
} from './revocation.schemas.js';
import { RevocationService } from './revocation.service.js';

@ApiTags('certificates')
@Controller('api/v1/certificates')
export class RevocationController {
  constructor(private readonly revocation: RevocationService) {}

  @Post(':id/revoke')
  @HttpCode(200)
  @Audit('certificate.revoke', 'certificate')
  @ApiOperation({
    summary: 'Revoke a certificate; repeating it gives the first result',
    operationId: 'revokeCertificate',
  })
  @ApiBody({ required: false, schema: { $ref: '#/components/schemas/RevokeCertificate' } })
  @ApiResponse({ status: 200, standardSchema: REVOCATION })
  @ApiProblems('invalid_request', 'certificate_not_found', 'hold_not_allowed')
  async revoke(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @Body({ schema: REVOKE_CERTIFICATE }) body: RevokeCertificate,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof REVOCATION>> {
    const { certificates, visible } = await this.revocation.revoke([id], body, caller);
    return { ...presentRevoked(certificates[0]!), visible: presentVisibility(visible) };
  }

  @Post('revoke')
  @HttpCode(200)
  @Audit('certificate.revoke', 'certificate')
  @ApiOperation({ summary: 'Revoke up to 1000 certificates, and wait once for all', operationId: 'revokeCertificates' })
  @ApiResponse({ status: 200, standardSchema: REVOCATIONS })
  @ApiProblems('invalid_request', 'certificate_not_found', 'hold_not_allowed')
  async revokeMany(
    @Body({ schema: REVOKE_CERTIFICATES }) { ids, ...body }: RevokeCertificates,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof REVOCATIONS>> {
    const { certificates, visible } = await this.revocation.revoke(ids, body, caller);
    return { items: certificates.map(presentRevoked), visible: presentVisibility(visible) };
  }
}
