import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { CERTIFICATE_ID } from '../certificates/certificate.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import {
  presentReleased,
  presentRevoked,
  presentVisibility,
  RELEASE,
  REVOCATION,
  REVOCATIONS,
  REVOKE_CERTIFICATE,
  REVOKE_CERTIFICATES,
  type RevokeCertificate,
  type RevokeCertificates,
} from './revocation.schemas.js';
import { RevocationService } from './revocation.service.js';

const REVOKING_AGAIN =
  'A certificate on hold becomes revoked for good when it is revoked for another reason. One that is revoked for good can be ' +
  'corrected to `keyCompromise`, with an earlier `revoked_at` and another `invalidity_date`. Anything else changes nothing.';

@ApiTags('certificates')
@Controller('api/v1/certificates')
export class RevocationController {
  constructor(private readonly revocation: RevocationService) {}

  @Post(':id/revoke')
  @Requires('certificates:revoke')
  @HttpCode(200)
  @Audit('certificate.revoke', 'certificate')
  @ApiOperation({
    summary: 'Revoke a certificate or put it on hold; repeating it gives the first result',
    description: REVOKING_AGAIN,
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
  @Requires('certificates:revoke')
  @HttpCode(200)
  @Audit('certificate.revoke', 'certificate')
  @ApiOperation({
    summary: 'Revoke up to 1000 certificates, and wait once for all',
    description: REVOKING_AGAIN,
    operationId: 'revokeCertificates',
  })
  @ApiResponse({ status: 200, standardSchema: REVOCATIONS })
  @ApiProblems('invalid_request', 'certificate_not_found', 'hold_not_allowed')
  async revokeMany(
    @Body({ schema: REVOKE_CERTIFICATES }) { ids, ...body }: RevokeCertificates,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof REVOCATIONS>> {
    const { certificates, visible } = await this.revocation.revoke(ids, body, caller);
    return { items: certificates.map(presentRevoked), visible: presentVisibility(visible) };
  }

  @Post(':id/release')
  @Requires('certificates:revoke')
  @HttpCode(200)
  @Audit('certificate.release', 'certificate')
  @ApiOperation({ summary: 'Take a certificate off hold', operationId: 'releaseCertificate' })
  @ApiResponse({ status: 200, standardSchema: RELEASE })
  @ApiProblems('invalid_request', 'certificate_not_found', 'certificate_not_on_hold')
  async release(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof RELEASE>> {
    const { certificate, releasedAt, visible } = await this.revocation.release(id, caller);
    return presentReleased(certificate, releasedAt, visible);
  }
}
