import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { ApiProblems } from '../http/api-problems.js';
import { Requires } from '../http/permission.js';
import { scrape } from './cluster-metrics.js';

const EXAMPLE =
  '# HELP certplane_certificates_issued_total Certificates issued.\n# TYPE certplane_certificates_issued_total counter\n';

@ApiTags('metrics')
@Controller('api/v1/metrics')
export class MetricsController {
  constructor(private readonly registry: Registry) {}

  @Get('prometheus')
  @Requires('metrics:read')
  @ApiOperation({ summary: 'All metrics, in the text format of Prometheus', operationId: 'getMetrics' })
  @ApiProduces('text/plain')
  @ApiResponse({
    status: 200,
    description: 'Prometheus text format 0.0.4.',
    schema: { type: 'string', example: EXAMPLE },
  })
  @ApiProblems()
  async metrics(@Res() response: Response): Promise<void> {
    const text = await scrape(this.registry);
    response.set('Content-Type', this.registry.contentType).send(text);
  }
}
