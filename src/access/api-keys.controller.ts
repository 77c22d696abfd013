import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Audit } from '../audit/audited.js';
import { Clock } from '../platform/clock/clock.js';
import { ApiProblems } from '../platform/http/api-problems.js';
import { CurrentCaller, type Caller } from '../platform/http/caller.js';
import { Requires } from '../platform/http/permission.js';
import {
  API_KEY,
  API_KEY_ID,
  API_KEY_PAGE,
  API_KEY_WITH_SECRET,
  CREATE_API_KEY,
  LIST_API_KEYS,
  presentApiKey,
  ROTATE_API_KEY,
  type CreateApiKey,
  type ListApiKeys,
  type RotateApiKey,
} from './api-key.schemas.js';
import { ApiKeysService, type ApiKeyWithSecret } from './api-keys.service.js';

type Shown = z.input<typeof API_KEY>;
type ShownWithSecret = z.input<typeof API_KEY_WITH_SECRET>;

@ApiTags('access')
@Requires('api_keys:manage')
@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(
    private readonly apiKeys: ApiKeysService,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Audit('api_key.create', 'api_key')
  @ApiOperation({ summary: 'Make an API key; its secret is shown this once', operationId: 'createApiKey' })
  @ApiResponse({ status: 201, standardSchema: API_KEY_WITH_SECRET })
  @ApiProblems('invalid_request', 'forbidden', 'issuer_not_found', 'api_key_exists')
  async create(
    @Body({ schema: CREATE_API_KEY }) body: CreateApiKey,
    @CurrentCaller() caller: Caller,
  ): Promise<ShownWithSecret> {
    return this.presentSecret(await this.apiKeys.create(body, caller, (made) => this.presentSecret(made)));
  }

  @Get()
  @ApiOperation({ summary: 'List API keys, newest first', operationId: 'listApiKeys' })
  @ApiResponse({ status: 200, standardSchema: API_KEY_PAGE })
  @ApiProblems('invalid_request', 'invalid_cursor')
  async list(
    @Query({ schema: LIST_API_KEYS }) query: ListApiKeys,
    @CurrentCaller() { scope }: Caller,
  ): Promise<z.input<typeof API_KEY_PAGE>> {
    const { rows, nextCursor } = await this.apiKeys.list(query, scope);
    const now = this.clock.now();
    return { items: rows.map((row) => presentApiKey(row, now)), next_cursor: nextCursor };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Show an API key', operationId: 'getApiKey' })
  @ApiResponse({ status: 200, standardSchema: API_KEY })
  @ApiProblems('invalid_request', 'api_key_not_found')
  async get(@Param('id', { schema: API_KEY_ID }) id: string, @CurrentCaller() { scope }: Caller): Promise<Shown> {
    return presentApiKey(await this.apiKeys.get(id, scope), this.clock.now());
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @Audit('api_key.rotate', 'api_key')
  @ApiOperation({
    summary: 'Give an API key a new secret; the one until now stays good for a while',
    operationId: 'rotateApiKey',
  })
  @ApiBody({ required: false, schema: { $ref: '#/components/schemas/RotateApiKey' } })
  @ApiResponse({ status: 200, standardSchema: API_KEY_WITH_SECRET })
  @ApiProblems('invalid_request', 'forbidden', 'api_key_not_found', 'api_key_not_active')
  async rotate(
    @Param('id', { schema: API_KEY_ID }) id: string,
    @Body({ schema: ROTATE_API_KEY }) body: RotateApiKey,
    @CurrentCaller() caller: Caller,
  ): Promise<ShownWithSecret> {
    return this.presentSecret(await this.apiKeys.rotate(id, body, caller, (rotated) => this.presentSecret(rotated)));
  }

  @Post(':id/revoke')
  @HttpCode(200)
  @Audit('api_key.revoke', 'api_key')
  @ApiOperation({ summary: 'Revoke an API key; repeating it gives the first result', operationId: 'revokeApiKey' })
  @ApiResponse({ status: 200, standardSchema: API_KEY })
  @ApiProblems('invalid_request', 'api_key_not_found', 'last_admin_key')
  async revoke(@Param('id', { schema: API_KEY_ID }) id: string, @CurrentCaller() caller: Caller): Promise<Shown> {
    return presentApiKey(await this.apiKeys.revoke(id, caller), this.clock.now());
  }

  private presentSecret({ row, key }: ApiKeyWithSecret): ShownWithSecret {
    return { ...presentApiKey(row, this.clock.now()), key };
  }
}
