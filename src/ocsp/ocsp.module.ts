import { Global, Module } from '@nestjs/common';
import { ResponsePreparation } from '../certificates/response-preparation.js';
import { IssuersModule } from '../issuers/issuers.module.js';
import { CertificatesModule } from '../certificates/certificates.module.js';
import { FeedPruner } from './feed-pruner.js';
import { FencedStatuses } from './fenced-statuses.js';
import { OcspAdminController } from './ocsp-admin.controller.js';
import { OcspCacheReport } from './ocsp-cache-report.js';
import { OcspCacheService } from './ocsp-cache.service.js';
import { OcspExplanationService } from './ocsp-explanation.service.js';
import { OcspRefresh } from './ocsp-refresh.js';
import { OcspEndpoint } from './ocsp.endpoint.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspNode } from './ocsp-node.service.js';
import { OcspResponderDirectory } from './ocsp-responder-directory.js';
import { OcspResponderIssuance } from './ocsp-responder-issuance.js';
import { OcspResponderReplacement } from './ocsp-responder-replacement.js';
import { OcspResponderRetirement } from './ocsp-responder-retirement.js';
import { OcspRespondersController } from './ocsp-responders.controller.js';
import { OcspRespondersScheduler } from './ocsp-responders.scheduler.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import { OcspService } from './ocsp.service.js';
import { PreSigner } from './pre-signer.js';
import { PresignBackfill } from './presign-backfill.js';
import { PresignBatch } from './presign-batch.js';
import { PresignPass } from './presign-pass.js';
import { PresignQueue } from './presign-queue.js';
import { PresignScheduler } from './presign-scheduler.js';
import { PresignWriter } from './presign-writer.js';
import { ResponseSigner } from './response-signer.js';
import { RevocationFeed } from './revocation-feed.js';
import { RevocationVisibility } from './revocation-visibility.js';
import { RevokedResponderWatch } from './revoked-responder-watch.js';

/** Global, so that issuance finds the {@link ResponsePreparation} that stands above it. */
@Global()
@Module({
  imports: [IssuersModule, CertificatesModule],
  controllers: [OcspAdminController, OcspRespondersController],
  providers: [
    FeedPruner,
    FencedStatuses,
    OcspCacheReport,
    OcspCacheService,
    OcspExplanationService,
    OcspRefresh,
    OcspEndpoint,
    OcspMetrics,
    OcspNode,
    OcspResponderDirectory,
    OcspResponderIssuance,
    OcspResponderReplacement,
    OcspResponderRetirement,
    OcspRespondersScheduler,
    OcspRespondersService,
    OcspResponseStore,
    OcspService,
    PreSigner,
    PresignBackfill,
    PresignBatch,
    PresignPass,
    PresignQueue,
    PresignScheduler,
    PresignWriter,
    ResponseSigner,
    RevocationFeed,
    RevocationVisibility,
    RevokedResponderWatch,
    { provide: ResponsePreparation, useExisting: PreSigner },
  ],
  exports: [OcspCacheService, OcspEndpoint, ResponsePreparation],
})
export class OcspModule {}
