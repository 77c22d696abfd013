import { Module } from '@nestjs/common';
import { CertificatesModule } from '../certificates/certificates.module.js';
import { ExportController } from './export.controller.js';
import { ExportQuota } from './export-quota.js';
import { ExportService } from './export.service.js';

@Module({ imports: [CertificatesModule], controllers: [ExportController], providers: [ExportService, ExportQuota] })
export class ExportModule {}
