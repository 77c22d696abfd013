import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { ApiProblems } from '../http/api-problems.js';
import { scrape } from './cluster-metrics.js';

@ApiTags('metrics')
@Controller('api/v1/metrics')
export class MetricsController {
  constructor(private readonly registry: Registry) {}

  @Get('prometheus')
  @ApiOperation({ summary: 'All metrics, in the text format of Prometheus', operationId: 'getMetrics' })
  @ApiProduces('text/plain')
  @ApiResponse({ status: 200, description: 'Prometheus text format 0.0.4.', schema: { type: 'string' } })
  @ApiProblems()
  async metrics(@Res() response: Response): Promise<void> {
    const text = await scrape(this.registry);
    response.set('Content-Type', this.registry.contentType).send(text);
  }
}
