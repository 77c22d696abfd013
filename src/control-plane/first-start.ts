import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { generateApiKey } from '../access/api-key-secret.js';
import { ApiKeysService } from '../access/api-keys.service.js';
import { AuditKeys } from '../audit/audit-keys.js';
import { CREATE_ISSUER } from '../issuers/issuer.schemas.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { formatPem } from '../pki/pem.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { Transactions } from '../platform/database/transaction.js';
import { systemCaller } from '../platform/http/caller.js';
import { writeFileWhole } from './whole-file.js';

/** The issuer that the first start makes, and that the control plane's own certificate comes from. */
export const LOCAL_ISSUER_ID = 'iss-local';

const CALLER = systemCaller('first-start');

/** Makes what an empty database lacks. Runs at every start, and changes nothing from the second on. */
@Injectable()
export class FirstStart {
  constructor(
    private readonly issuers: IssuersService,
    private readonly apiKeys: ApiKeysService,
    private readonly auditKeys: AuditKeys,
    private readonly transactions: Transactions,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  get caFile(): string {
    return join(this.config.dataDir, 'ca.pem');
  }

  get adminKeyFile(): string {
    return join(this.config.dataDir, 'admin.key');
  }

  /** @param onProgress what is being made, in words */
  async run(onProgress: (message: string) => void): Promise<void> {
    await this.auditKeys.ensure();
    await this.ensureLocalIssuer(onProgress);
    await this.ensureAdminKey(onProgress);
  }

  private async ensureLocalIssuer(onProgress: (message: string) => void): Promise<void> {
    let issuer = await this.issuers.find(LOCAL_ISSUER_ID);
    if (issuer === null) {
      onProgress(`Creating the root issuer ${LOCAL_ISSUER_ID}`);
      const input = CREATE_ISSUER.parse({
        id: LOCAL_ISSUER_ID,
        name: 'Local root',
        kind: 'root',
        key_algorithm: 'ecdsa-p256',
        subject: 'CN=Certplane Local Root',
        validity: '3652d',
      });
      issuer = await this.issuers.create(input, CALLER);
    }
    writeFileWhole(this.caFile, formatPem('CERTIFICATE', issuer.certificateDer), 0o644);
  }

  /** The file is written before the row: a crash between the two leaves a key that the next start takes up. */
  private async ensureAdminKey(onProgress: (message: string) => void): Promise<void> {
    if (await this.apiKeys.exists()) return;
    onProgress('Making the first admin API key');
    const key = this.config.bootstrapAdminKey ?? this.keepAdminKeyFile();
    await this.transactions.run((tx) => this.apiKeys.createFirst(tx, CALLER, 'bootstrap-admin', key));
  }

  private keepAdminKeyFile(): string {
    if (existsSync(this.adminKeyFile)) {
      const kept = readFileSync(this.adminKeyFile, 'utf8').trim();
      if (kept !== '') return kept;
    }
    const key = generateApiKey();
    writeFileWhole(this.adminKeyFile, `${key}\n`, 0o600);
    return key;
  }
}
