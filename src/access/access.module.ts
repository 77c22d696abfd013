import { Global, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { IssuersModule } from '../issuers/issuers.module.js';
import { CONFIG } from '../platform/config/config.module.js';
import { RefusedCalls } from '../platform/http/refused-calls.js';
import { AccessRefusals } from './access-refusals.js';
import { ApiKeyAuthentication } from './api-key-authentication.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthenticationGuard } from './authentication.guard.js';
import { CLIENT_ACCESS, loadClientAccess } from './client-access.js';
import { ClientCertificateAuthentication } from './client-certificate-authentication.js';
import { WhoamiController } from './whoami.controller.js';

/** Global for the guards that stand behind authentication. */
@Global()
@Module({
  imports: [IssuersModule],
  controllers: [ApiKeysController, WhoamiController],
  providers: [
    ApiKeysService,
    ApiKeyAuthentication,
    ClientCertificateAuthentication,
    AccessRefusals,
    {
      // Not useExisting: an alias would have its schedule twice.
      provide: RefusedCalls,
      useFactory: (refusals: AccessRefusals): RefusedCalls => ({ note: (...call) => refusals.note(...call) }),
      inject: [AccessRefusals],
    },
    { provide: CLIENT_ACCESS, useFactory: loadClientAccess, inject: [CONFIG] },
    { provide: APP_GUARD, useClass: AuthenticationGuard },
  ],
  exports: [RefusedCalls, ApiKeysService, ClientCertificateAuthentication],
})
export class AccessModule {}
