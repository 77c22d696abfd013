import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { IssuersModule } from '../issuers/issuers.module.js';
import { FirstStart } from './first-start.js';
import { ServerCertificate } from './server-certificate.js';

/** What the control plane needs for itself: its first issuer, its first key, the certificate of its own listener. */
@Module({
  imports: [AccessModule, IssuersModule],
  providers: [FirstStart, ServerCertificate],
  exports: [FirstStart, ServerCertificate],
})
export class ControlPlaneModule {}
