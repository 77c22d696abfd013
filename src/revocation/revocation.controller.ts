import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { CERTIFICATE_ID } from '../certificates/certificate.schemas.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { REVOCATION, REVOKE_CERTIFICATE, type RevokeCertificate } from './revocation.schemas.js';
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
    const certificate = await this.revocation.revoke(id, body, caller);
    return {
      id,
      serial_number: formatSerialNumber(certificate.serialNumber),
      status: 'revoked',
      reason: certificate.revocationReason!,
      revoked_at: certificate.revokedAt!.toISOString(),
      invalidity_date: certificate.invalidityDate?.toISOString() ?? null,
    };
  }
}
