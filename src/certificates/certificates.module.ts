import { Module } from '@nestjs/common';
import { IssuersModule } from '../issuers/issuers.module.js';
import { CertificateRevocations } from './certificate-revocations.js';
import { CertificatesController } from './certificates.controller.js';
import { CertificatesService } from './certificates.service.js';

const provided = [CertificatesService, CertificateRevocations];

@Module({ imports: [IssuersModule], controllers: [CertificatesController], providers: provided, exports: provided })
export class CertificatesModule {}
