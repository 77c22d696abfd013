import { Module, type DynamicModule } from '@nestjs/common';
import { BlockedKeys } from './blocked-keys.js';
import { DatabaseKeyStore } from './database-key-store.js';
import { KeyStore } from './key-store.js';
import { KeysMetrics } from './keys.metrics.js';
import { MasterKey } from './master-key.js';
import { SecretBox } from './secret-box.js';

@Module({})
export class KeysModule {
  static with(masterKey: MasterKey): DynamicModule {
    return {
      module: KeysModule,
      global: true,
      providers: [
        { provide: MasterKey, useValue: masterKey },
        { provide: KeyStore, useClass: DatabaseKeyStore },
        BlockedKeys,
        KeysMetrics,
        SecretBox,
      ],
      exports: [BlockedKeys, KeyStore, SecretBox],
    };
  }
}
