import { Module } from '@nestjs/common';
import { IssuersModule } from '../issuers/issuers.module.js';
import { CrlAdminController } from './crl-admin.controller.js';
import { CrlBases } from './crl-bases.js';
import { CrlBuilder } from './crl-builder.js';
import { CrlCacheReport } from './crl-cache-report.js';
import { CrlEndpoint } from './crl.endpoint.js';
import { CrlEvents } from './crl-events.js';
import { CrlHeaders } from './crl-headers.js';
import { CrlMaker } from './crl-maker.js';
import { CrlMemoryMetrics } from './crl-memory.metrics.js';
import { CrlMetrics } from './crl.metrics.js';
import { CrlPlanner } from './crl-planner.js';
import { CrlPruner } from './crl-pruner.js';
import { CrlPublication } from './crl-publication.js';
import { CrlRegeneration } from './crl-regeneration.js';
import { CrlRepresentations } from './crl-representations.js';
import { CrlScheduler } from './crl.scheduler.js';
import { CrlService } from './crl.service.js';
import { CrlStore } from './crl-store.js';
import { DueCrls } from './due-crls.js';
import { PublishedCrls } from './published-crl.js';

@Module({
  imports: [IssuersModule],
  controllers: [CrlAdminController],
  providers: [
    CrlBases,
    CrlBuilder,
    CrlCacheReport,
    CrlEndpoint,
    CrlEvents,
    CrlHeaders,
    CrlMaker,
    CrlMemoryMetrics,
    CrlMetrics,
    CrlPlanner,
    CrlPruner,
    CrlPublication,
    CrlRegeneration,
    CrlRepresentations,
    CrlScheduler,
    CrlService,
    CrlStore,
    DueCrls,
    PublishedCrls,
  ],
  exports: [CrlService, CrlEndpoint],
})
export class CrlModule {}
