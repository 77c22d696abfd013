import { Global, Module } from '@nestjs/common';
import { AddressesModule } from '../issuers/addresses.module.js';
import { SubordinateIssuance } from '../issuers/subordinate-issuance.js';
import { CertificateStatusService } from './certificate-status.service.js';
import { CertificatesMetrics } from './certificates.metrics.js';
import { IntermediateIssuance } from './intermediate-issuance.js';
import { IssuanceService } from './issuance.service.js';
import { LeafIssuance } from './leaf-issuance.js';

/** What signs and keeps the inventory. Global, so that issuers find the {@link SubordinateIssuance} that stands above them. */
@Global()
@Module({
  imports: [AddressesModule],
  providers: [
    IssuanceService,
    LeafIssuance,
    CertificateStatusService,
    CertificatesMetrics,
    { provide: SubordinateIssuance, useClass: IntermediateIssuance },
  ],
  exports: [IssuanceService, LeafIssuance, CertificateStatusService, SubordinateIssuance],
})
export class IssuanceModule {}
