import { Module } from '@nestjs/common';
import { IssuersModule } from '../issuers/issuers.module.js';
import { CrlBuilder } from './crl-builder.js';
import { CrlEndpoint } from './crl.endpoint.js';
import { CrlMetrics } from './crl.metrics.js';
import { CrlScheduler } from './crl.scheduler.js';
import { CrlService } from './crl.service.js';
import { PublishedCrls } from './published-crl.js';

@Module({
  imports: [IssuersModule],
  providers: [CrlService, CrlScheduler, CrlBuilder, CrlMetrics, CrlEndpoint, PublishedCrls],
  exports: [CrlService, CrlEndpoint],
})
export class CrlModule {}
