import { Injectable } from '@nestjs/common';
import { DomainError } from '../platform/errors/domain-error.js';
import type { PublishedCrl } from './crl-representation.js';
import { CrlScheduler } from './crl.scheduler.js';
import { scopeKey, type CrlScope } from './crl-scope.js';
import { CrlStore } from './crl-store.js';
import { DueCrls } from './due-crls.js';

/** A relying party waits no longer for the first CRL of a scope. */
const FIRST_BUILD_MS = 5000;

/** Which CRL is published: asked of the database each time. */
@Injectable()
export class PublishedCrls {
  constructor(
    private readonly store: CrlStore,
    private readonly due: DueCrls,
    private readonly scheduler: CrlScheduler,
  ) {}

  /** @throws DomainError `crl_not_found` for a scope that does not exist, `crl_not_ready` when the first CRL was not built yet */
  async get(scope: CrlScope): Promise<PublishedCrl> {
    const crl = (await this.find(scope)) ?? (await this.buildFirst(scope));
    if (crl === null) throw new DomainError('crl_not_ready', 'The first CRL is being built. Ask again.');
    return crl;
  }

  private async find(scope: CrlScope): Promise<PublishedCrl | null> {
    const row = await this.store.findPublished(scope);
    return row === null ? null : { ...row, scope };
  }

  /** A new scope's CRL is asked for before the schedule came by. */
  private async buildFirst(scope: CrlScope): Promise<PublishedCrl | null> {
    const scopes = await this.due.listScopes(scope.issuerId);
    if (!scopes.some((known) => scopeKey(known) === scopeKey(scope))) {
      throw new DomainError('crl_not_found', describeAbsence(scope));
    }
    await atMost(FIRST_BUILD_MS, this.scheduler.buildIfDue(scope));
    return this.find(scope);
  }
}

function describeAbsence({ kind, shard }: CrlScope): string {
  switch (kind) {
    case 'complete':
      return 'This issuer has expired, and has no CRL.';
    case 'shard':
      return `This issuer has no CRL shard ${shard}.`;
    case 'delta':
      return 'This issuer has no delta CRL.';
  }
}

async function atMost(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  try {
    await Promise.race([work, enough]);
  } finally {
    clearTimeout(timer);
  }
}
