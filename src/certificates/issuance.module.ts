import { Global, Module } from '@nestjs/common';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import { SubordinateIssuance } from '../issuers/subordinate-issuance.js';
import { CertificatesMetrics } from './certificates.metrics.js';
import { IntermediateIssuance } from './intermediate-issuance.js';
import { IssuanceService } from './issuance.service.js';

/** What signs and keeps the inventory. Global, so that issuers find the {@link SubordinateIssuance} that stands above them. */
@Global()
@Module({
  providers: [
    IssuanceService,
    CertificatesMetrics,
    RelyingPartyAddresses,
    { provide: SubordinateIssuance, useClass: IntermediateIssuance },
  ],
  exports: [IssuanceService, SubordinateIssuance],
})
export class IssuanceModule {}
