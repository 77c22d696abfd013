import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../http/public.js';
import { HEALTH_SCHEMA, READINESS_SCHEMA } from './health.schemas.js';
import { ReadinessChecks, type Readiness } from './readiness.js';

@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(private readonly checks: ReadinessChecks) {}

  @Get('health')
  @ApiOperation({ summary: 'Is the process alive?', operationId: 'health', security: [] })
  @ApiResponse({ status: 200, standardSchema: HEALTH_SCHEMA })
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({
    summary: 'May this instance get traffic? If not, what is missing?',
    operationId: 'ready',
    security: [],
  })
  @ApiResponse({ status: 200, standardSchema: READINESS_SCHEMA })
  @ApiResponse({
    status: 503,
    standardSchema: READINESS_SCHEMA,
    description: 'Not ready; `checks` says what is missing.',
  })
  async ready(@Res({ passthrough: true }) response: Response): Promise<Readiness> {
    const readiness = await this.checks.run();
    if (!readiness.ready) response.status(HttpStatus.SERVICE_UNAVAILABLE);
    return readiness;
  }
}
