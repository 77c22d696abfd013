import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { AuditController } from './audit.controller.js';
import { AuditExport } from './audit-export.js';
import { AuditKeys } from './audit-keys.js';
import { AuditMetrics } from './audit.metrics.js';
import { AuditSealer } from './audit-sealer.js';
import { AuditService } from './audit.service.js';
import { AuditTrailMetrics } from './audit-trail.metrics.js';
import { RefusalAuditor } from './audited.js';
import { AuditForwarding } from './forwarding/audit-forwarding.js';

@Global()
@Module({
  controllers: [AuditController],
  providers: [
    AuditService,
    AuditMetrics,
    AuditKeys,
    AuditSealer,
    AuditCheckpoints,
    AuditExport,
    AuditTrailMetrics,
    AuditForwarding,
    RefusalAuditor,
    { provide: APP_INTERCEPTOR, useExisting: RefusalAuditor },
  ],
  exports: [AuditService, AuditKeys, RefusalAuditor],
})
export class AuditModule {}
