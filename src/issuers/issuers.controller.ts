import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { requireMatch, Tagged } from '../platform/http/entity-tag.js';
import { cutPage, findCursorId } from '../platform/http/page.js';
import { Requires } from '../platform/http/permission.js';
import type { IssuerEntity } from './issuer.entity.js';
import {
  CREATE_ISSUER,
  ISSUER,
  ISSUER_ID,
  ISSUER_ID_PATTERN,
  ISSUER_PAGE,
  LIST_ISSUERS,
  presentIssuer,
  UPDATE_ISSUER,
  type CreateIssuer,
  type ListIssuers,
  type UpdateIssuer,
} from './issuer.schemas.js';
import { IssuersService } from './issuers.service.js';
import { RelyingPartyAddresses } from './relying-party-addresses.js';

type Issuer = z.input<typeof ISSUER>;

@ApiTags('issuers')
@Controller('api/v1/issuers')
export class IssuersController {
  constructor(
    private readonly issuers: IssuersService,
    private readonly addresses: RelyingPartyAddresses,
  ) {}

  @Post()
  @Requires('issuers:manage')
  @Audit('issuer.create', 'issuer')
  @ApiOperation({ summary: 'Create a root or an intermediate, or import a CA', operationId: 'createIssuer' })
  @ApiResponse({ status: 201, standardSchema: ISSUER })
  @ApiProblems(
    'invalid_request',
    'invalid_name',
    'invalid_pem',
    'invalid_certificate',
    'key_mismatch',
    'weak_key',
    'unsupported_key',
    'compromised_key',
    'validity_exceeds_issuer',
    'path_length_exceeded',
    'issuer_not_found',
    'issuer_exists',
    'issuer_not_active',
    'issuer_without_key',
    'issuance_interrupted',
  )
  async create(@Body({ schema: CREATE_ISSUER }) body: CreateIssuer, @CurrentCaller() caller: Caller): Promise<Issuer> {
    return this.present(await this.issuers.create(body, caller, (issuer) => this.present(issuer)));
  }

  @Get()
  @Requires('issuers:read')
  @ApiOperation({ summary: 'List issuers, by id', operationId: 'listIssuers' })
  @ApiResponse({ status: 200, standardSchema: ISSUER_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor')
  async list(
    @Query({ schema: LIST_ISSUERS }) query: ListIssuers,
    @CurrentCaller() { scope }: Caller,
  ): Promise<z.input<typeof ISSUER_PAGE>> {
    const after = findCursorId(query, ISSUER_ID_PATTERN);
    const { rows, nextCursor } = cutPage(await this.issuers.list(query.limit + 1, after, scope), query);
    return { items: rows.map((issuer) => this.present(issuer)), next_cursor: nextCursor };
  }

  @Get(':id')
  @Requires('issuers:read')
  @Tagged()
  @ApiOperation({ summary: 'Show an issuer', operationId: 'getIssuer' })
  @ApiResponse({ status: 200, standardSchema: ISSUER })
  @ApiProblems('issuer_not_found')
  async get(@Param('id', { schema: ISSUER_ID }) id: string, @CurrentCaller() { scope }: Caller): Promise<Issuer> {
    return this.present(await this.issuers.get(id, scope));
  }

  @Patch(':id')
  @Requires('issuers:manage')
  @Tagged()
  @Audit('issuer.update', 'issuer')
  @ApiOperation({ summary: 'Change the name or the settings of an issuer', operationId: 'updateIssuer' })
  @ApiResponse({ status: 200, standardSchema: ISSUER })
  @ApiProblems('invalid_request', 'issuer_not_found', 'issuer_without_key')
  async update(
    @Param('id', { schema: ISSUER_ID }) id: string,
    @Body({ schema: UPDATE_ISSUER }) body: UpdateIssuer,
    @Headers('if-match') ifMatch: string | undefined,
    @CurrentCaller() caller: Caller,
  ): Promise<Issuer> {
    const check = (current: IssuerEntity) => requireMatch(ifMatch, this.present(current));
    return this.present(await this.issuers.update(id, body, caller, check));
  }

  @Post(':id/disable')
  @Requires('issuers:manage')
  @HttpCode(200)
  @Audit('issuer.disable', 'issuer')
  @ApiOperation({ summary: 'Stop issuing, until enabled again; CRL and OCSP go on', operationId: 'disableIssuer' })
  @ApiResponse({ status: 200, standardSchema: ISSUER })
  @ApiProblems('issuer_not_found', 'issuer_status_conflict')
  async disable(@Param('id', { schema: ISSUER_ID }) id: string, @CurrentCaller() caller: Caller): Promise<Issuer> {
    return this.present(await this.issuers.change(id, 'disable', caller));
  }

  @Post(':id/enable')
  @Requires('issuers:manage')
  @HttpCode(200)
  @Audit('issuer.enable', 'issuer')
  @ApiOperation({ summary: 'Issue again after disable', operationId: 'enableIssuer' })
  @ApiResponse({ status: 200, standardSchema: ISSUER })
  @ApiProblems('issuer_not_found', 'issuer_status_conflict')
  async enable(@Param('id', { schema: ISSUER_ID }) id: string, @CurrentCaller() caller: Caller): Promise<Issuer> {
    return this.present(await this.issuers.change(id, 'enable', caller));
  }

  @Post(':id/retire')
  @Requires('issuers:manage')
  @HttpCode(200)
  @Audit('issuer.retire', 'issuer')
  @ApiOperation({ summary: 'Stop issuing for good; CRL and OCSP go on', operationId: 'retireIssuer' })
  @ApiResponse({ status: 200, standardSchema: ISSUER })
  @ApiProblems('issuer_not_found', 'issuer_status_conflict')
  async retire(@Param('id', { schema: ISSUER_ID }) id: string, @CurrentCaller() caller: Caller): Promise<Issuer> {
    return this.present(await this.issuers.change(id, 'retire', caller));
  }

  private present(issuer: IssuerEntity): Issuer {
    return presentIssuer(issuer, this.addresses.of(issuer.id, null));
  }
}
