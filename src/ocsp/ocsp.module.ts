import { Module } from '@nestjs/common';
import { CertificatesModule } from '../certificates/certificates.module.js';
import { IssuersModule } from '../issuers/issuers.module.js';
import { OcspCacheService } from './ocsp-cache.service.js';
import { OcspEndpoint } from './ocsp.endpoint.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { OcspService } from './ocsp.service.js';

@Module({
  imports: [IssuersModule, CertificatesModule],
  providers: [OcspService, OcspCacheService, OcspRespondersService, OcspEndpoint, OcspMetrics],
  exports: [OcspCacheService, OcspEndpoint],
})
export class OcspModule {}
