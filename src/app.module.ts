import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import type { DataSource } from 'typeorm';
import { AccessModule } from './access/access.module.js';
import { AuthorizationModule } from './access/authorization.module.js';
import { AuditModule } from './audit/audit.module.js';
import { CertificatesModule } from './certificates/certificates.module.js';
import { IssuanceModule } from './certificates/issuance.module.js';
import { ControlPlaneModule } from './control-plane/control-plane.module.js';
import { CrlModule } from './crl/crl.module.js';
import { ExportModule } from './export/export.module.js';
import { IdempotencyModule } from './idempotency/idempotency.module.js';
import { IssuersModule } from './issuers/issuers.module.js';
import { KeysModule } from './keys/keys.module.js';
import type { MasterKey } from './keys/master-key.js';
import { OcspModule } from './ocsp/ocsp.module.js';
import type { Clock } from './platform/clock/clock.js';
import { ClockModule } from './platform/clock/clock.module.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { Config } from './platform/config/env.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { HealthModule } from './platform/health/health.module.js';
import { ProblemFilter } from './platform/http/problem.filter.js';
import { createValidationPipe } from './platform/http/validation.js';
import type { Logger } from './platform/logging/logger.js';
import { LoggingModule } from './platform/logging/logging.module.js';
import { MetricsModule } from './platform/metrics/metrics.module.js';
import { RateLimitModule } from './platform/rate-limit/rate-limit.module.js';
import { RevocationModule } from './revocation/revocation.module.js';

/** What the process brings; everything else is built from it. */
export interface Platform {
  readonly config: Config;
  readonly dataSource: DataSource;
  readonly masterKey: MasterKey;
  readonly clock: Clock;
  readonly logger: Logger;
  /** False in a process that must not act by itself, for example while it only describes its interface. */
  readonly schedules: boolean;
}

/** The one file that knows all features. */
@Module({})
export class AppModule {
  static with({ config, dataSource, masterKey, clock, logger, schedules }: Platform): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        ClockModule.with(clock),
        LoggingModule.with(logger),
        HealthModule,
        MetricsModule,
        DatabaseModule.with(dataSource),
        ScheduleModule.forRoot({ intervals: schedules, cronJobs: schedules, timeouts: schedules }),
        AuditModule,
        // Guards run in this order: who asks is known before the calls are counted, and what is forbidden counts too.
        AccessModule,
        RateLimitModule,
        AuthorizationModule,
        IdempotencyModule,
        KeysModule.with(masterKey),
        IssuanceModule,
        IssuersModule,
        CertificatesModule,
        CrlModule,
        OcspModule,
        RevocationModule,
        ExportModule,
        ControlPlaneModule,
      ],
      providers: [
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: createValidationPipe },
      ],
    };
  }
}
