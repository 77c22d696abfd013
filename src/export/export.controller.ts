import { Body, Controller, Get, HttpCode, Param, Post, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { CERTIFICATE_ID } from '../certificates/certificate.schemas.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import {
  EXPORTED_PEM,
  EXPORT_PEM_QUERY,
  EXPORT_PKCS12,
  type ExportPemQuery,
  type ExportPkcs12,
} from './export.schemas.js';
import { ExportService } from './export.service.js';

/** A route that answers with a file of this type. */
const ApiFile = (type: string): MethodDecorator =>
  ApiResponse({ status: 200, content: { [type]: { schema: { type: 'string', format: 'binary' } } } });

@ApiTags('export')
@Requires('certificates:export')
@Controller('api/v1/certificates')
export class ExportController {
  constructor(private readonly exports: ExportService) {}

  @Get(':id/export/pem')
  @Audit('cert_export_failed', 'certificate')
  @ApiOperation({ summary: 'Export a certificate and those above it as PEM', operationId: 'exportCertificatePem' })
  @ApiProduces('application/json', 'application/x-pem-file')
  @ApiResponse({ status: 200, standardSchema: EXPORTED_PEM })
  @ApiProblems('invalid_request', 'certificate_not_found', 'rate_limit_exceeded')
  async pem(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @Query({ schema: EXPORT_PEM_QUERY }) { download }: ExportPemQuery,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof EXPORTED_PEM> | StreamableFile> {
    const { certificatePem, chainPem, name } = await this.exports.exportPem(id, caller, download);
    const fullPem = certificatePem + chainPem;
    if (download) return file(Buffer.from(fullPem), 'application/x-pem-file', `${name}.pem`);
    return { certificate_pem: certificatePem, chain_pem: chainPem, full_pem: fullPem };
  }

  @Get(':id/export/der')
  @Audit('cert_export_failed', 'certificate')
  @ApiOperation({ summary: 'Export a certificate as DER', operationId: 'exportCertificateDer' })
  @ApiFile('application/pkix-cert')
  @ApiProblems('invalid_request', 'certificate_not_found', 'rate_limit_exceeded')
  async der(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const { bytes, name } = await this.exports.exportDer(id, caller);
    return file(bytes, 'application/pkix-cert', `${name}.cer`);
  }

  @Get(':id/export/pkcs7')
  @Audit('cert_export_failed', 'certificate')
  @ApiOperation({
    summary: 'Export a certificate and those above it as PKCS #7',
    operationId: 'exportCertificatePkcs7',
  })
  @ApiFile('application/pkcs7-mime')
  @ApiProblems('invalid_request', 'certificate_not_found', 'rate_limit_exceeded')
  async pkcs7(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @CurrentCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const { bytes, name } = await this.exports.exportPkcs7(id, caller);
    return file(bytes, 'application/pkcs7-mime; smime-type=certs-only', `${name}.p7c`);
  }

  @Post(':id/export/pkcs12')
  @HttpCode(200)
  @Audit('cert_export_failed', 'certificate')
  @ApiOperation({
    summary: 'Export a certificate and those above it as PKCS #12, without a private key',
    operationId: 'exportCertificatePkcs12',
  })
  @ApiFile('application/x-pkcs12')
  @ApiProblems('invalid_request', 'certificate_not_found', 'rate_limit_exceeded')
  async pkcs12(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @Body({ schema: EXPORT_PKCS12 }) { password, friendly_name: friendlyName }: ExportPkcs12,
    @CurrentCaller() caller: Caller,
  ): Promise<StreamableFile> {
    const { bytes, name } = await this.exports.exportPkcs12(id, { password, friendlyName }, caller);
    return file(bytes, 'application/x-pkcs12', `${name}.p12`);
  }
}

function file(bytes: Buffer, type: string, name: string): StreamableFile {
  return new StreamableFile(bytes, { type, length: bytes.length, disposition: `attachment; filename="${name}"` });
}
