import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { Clock } from '../platform/clock/clock.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import {
  CERTIFICATE,
  CERTIFICATE_ID,
  CERTIFICATE_PAGE,
  ISSUE_CERTIFICATE,
  LIST_CERTIFICATES,
  presentCertificate,
  presentCertificateSummary,
  type IssueCertificate,
  type ListCertificates,
} from './certificate.schemas.js';
import { CertificatesService } from './certificates.service.js';

@ApiTags('certificates')
@Controller('api/v1/certificates')
export class CertificatesController {
  constructor(
    private readonly certificates: CertificatesService,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Requires('certificates:issue')
  @Audit('certificate.issue', 'certificate')
  @ApiOperation({ summary: 'Issue a certificate for a CSR', operationId: 'issueCertificate' })
  @ApiResponse({ status: 201, standardSchema: CERTIFICATE })
  @ApiProblems(
    'invalid_request',
    'invalid_pem',
    'invalid_csr',
    'csr_signature_invalid',
    'weak_key',
    'unsupported_key',
    'compromised_key',
    'invalid_name',
    'validity_exceeds_issuer',
    'validity_exceeds_limit',
    'issuer_not_found',
    'issuer_not_active',
    'issuer_without_key',
    'issuance_interrupted',
  )
  async issue(
    @Body({ schema: ISSUE_CERTIFICATE }) body: IssueCertificate,
    @CurrentCaller() caller: Caller,
  ): Promise<z.input<typeof CERTIFICATE>> {
    const { certificate, issuer } = await this.certificates.issue(body, caller);
    return presentCertificate({ certificate, issuer, history: [] }, this.clock.now());
  }

  @Get()
  @Requires('certificates:read')
  @ApiOperation({ summary: 'List certificates, newest first', operationId: 'listCertificates' })
  @ApiResponse({ status: 200, standardSchema: CERTIFICATE_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor', 'invalid_serial_number')
  async list(
    @Query({ schema: LIST_CERTIFICATES }) query: ListCertificates,
    @CurrentCaller() { scope }: Caller,
  ): Promise<z.input<typeof CERTIFICATE_PAGE>> {
    const { rows, nextCursor } = await this.certificates.list(query, scope);
    const now = this.clock.now();
    return { items: rows.map((row) => presentCertificateSummary(row, now)), next_cursor: nextCursor };
  }

  @Get(':id')
  @Requires('certificates:read')
  @ApiOperation({ summary: 'Show a certificate', operationId: 'getCertificate' })
  @ApiResponse({ status: 200, standardSchema: CERTIFICATE })
  @ApiProblems('invalid_request', 'certificate_not_found')
  async get(
    @Param('id', { schema: CERTIFICATE_ID }) id: string,
    @CurrentCaller() { scope }: Caller,
  ): Promise<z.input<typeof CERTIFICATE>> {
    return presentCertificate(await this.certificates.getWithHistory(id, scope), this.clock.now());
  }
}
