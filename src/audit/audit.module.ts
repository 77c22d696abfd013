import { Global, Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AuditController } from './audit.controller.js';
import { AuditMetrics } from './audit.metrics.js';
import { AuditService } from './audit.service.js';
import { RefusalAuditor } from './audited.js';

@Global()
@Module({
  controllers: [AuditController],
  providers: [AuditService, AuditMetrics, { provide: APP_INTERCEPTOR, useClass: RefusalAuditor }],
  exports: [AuditService],
})
export class AuditModule {}
