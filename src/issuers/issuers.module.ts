import { Module, type OnModuleInit } from '@nestjs/common';
import { DataSource, IsNull, Not } from 'typeorm';
import { KeyStore } from '../keys/key-store.js';
import { ReadinessChecks } from '../platform/health/readiness.js';
import { AddressesModule } from './addresses.module.js';
import { CaCertificateEndpoint } from './ca-certificate.endpoint.js';
import { IssuerCreation } from './issuer-creation.js';
import { IssuerDirectory } from './issuer-directory.js';
import { IssuerEntity } from './issuer.entity.js';
import { IssuersController } from './issuers.controller.js';
import { IssuersService } from './issuers.service.js';

const provided = [IssuersService, IssuerDirectory, CaCertificateEndpoint];

@Module({
  imports: [AddressesModule],
  controllers: [IssuersController],
  providers: [...provided, IssuerCreation],
  exports: [...provided, AddressesModule],
})
export class IssuersModule implements OnModuleInit {
  constructor(
    private readonly readiness: ReadinessChecks,
    private readonly dataSource: DataSource,
    private readonly keyStore: KeyStore,
  ) {}

  onModuleInit(): void {
    this.readiness.add('issuer_keys', () => this.findUnusableKeys());
  }

  private async findUnusableKeys(): Promise<string | null> {
    const issuers = await this.dataSource.manager.find(IssuerEntity, {
      where: { keyId: Not(IsNull()) },
      select: { id: true, keyId: true },
    });
    const opened = await Promise.allSettled(issuers.map(({ keyId }) => this.keyStore.getSigner(keyId!, 'certificate')));
    const unusable = issuers.filter((_, index) => opened[index]?.status === 'rejected').map(({ id }) => id);
    return unusable.length === 0
      ? null
      : `the keys of these issuers can't be used: ${unusable.slice(0, 20).join(', ')}`;
  }
}
