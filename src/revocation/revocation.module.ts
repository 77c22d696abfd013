import { Module } from '@nestjs/common';
import { CertificatesModule } from '../certificates/certificates.module.js';
import { CrlModule } from '../crl/crl.module.js';
import { OcspModule } from '../ocsp/ocsp.module.js';
import { OrphanScheduler } from './orphan.scheduler.js';
import { RevocationController } from './revocation.controller.js';
import { RevocationMetrics } from './revocation.metrics.js';
import { RevocationTransaction } from './revocation-transaction.js';
import { RevocationService } from './revocation.service.js';

@Module({
  imports: [CertificatesModule, CrlModule, OcspModule],
  controllers: [RevocationController],
  providers: [RevocationService, RevocationTransaction, RevocationMetrics, OrphanScheduler],
  exports: [RevocationService],
})
export class RevocationModule {}
