import { Inject, Injectable } from '@nestjs/common';
import type { AuditAction } from '../audit/audit-action.js';
import { AuditService } from '../audit/audit.service.js';
import { IssuanceService, type SignedCertificate } from '../certificates/issuance.service.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore, type NewKey } from '../keys/key-store.js';
import { distinguishedNameFromAttributes } from '../pki/distinguished-name.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { addSeconds, Clock, earliest, latest, truncateToSecond, BACKDATE_SECONDS } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { Transactions } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import type { Caller } from '../platform/http/caller.js';
import { OcspResponderEntity } from './ocsp-responder.entity.js';

/** On whose behalf a responder is made. */
export interface ResponderOccasion {
  readonly caller: Caller;
  readonly action: Extract<AuditAction, `ocsp_responder.${string}`>;
}

/** The issuer has expired: nobody can answer for it any more. */
export class IssuerExpiredError extends Error {
  constructor(issuerId: string) {
    super(`the issuer ${issuerId} has expired`);
    this.name = 'IssuerExpiredError';
  }
}

/** Makes delegated responders: a new key, its certificate, and the row that says that it signs from now on. */
@Injectable()
export class OcspResponderIssuance {
  constructor(
    private readonly transactions: Transactions,
    private readonly issuance: IssuanceService,
    private readonly keyStore: KeyStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * The new one is ready to sign before the old one is superseded, in one transaction.
   * @throws IssuerExpiredError, a unique violation when somebody else made one at the same time, and what signing throws
   */
  async issue(issuer: IssuerEntity, occasion: ResponderOccasion): Promise<OcspResponderEntity> {
    const now = this.clock.now();
    if (issuer.notAfter <= now) throw new IssuerExpiredError(issuer.id);
    const key = await this.keyStore.generate('ecdsa-p256');
    const subject = distinguishedNameFromAttributes({ common_name: `OCSP responder of ${issuer.id}`.slice(0, 64) });
    const signed = await this.issuance.sign({
      issuer,
      profile: { kind: 'ocsp-responder' },
      subjectDer: subject.der,
      subject: subject.text,
      spkiDer: key.spkiDer,
      notBefore: latest(issuer.notBefore, truncateToSecond(addSeconds(now, -BACKDATE_SECONDS))),
      notAfter: earliest(issuer.notAfter, truncateToSecond(addSeconds(now, this.config.ocsp.responderValidity))),
    });
    return this.save(signed, key, now, occasion);
  }

  private async save(
    signed: SignedCertificate,
    key: NewKey,
    now: Date,
    { caller, action }: ResponderOccasion,
  ): Promise<OcspResponderEntity> {
    const { issuerId, certificateDer, notAfter } = signed;
    return this.transactions.run(async (tx) => {
      await this.issuance.confirm(tx, signed);
      await key.save(tx);
      const [superseded] = await tx.query<[{ id: string }[], number]>(
        'UPDATE ocsp_responders SET superseded_at = $2 WHERE issuer_id = $1 AND superseded_at IS NULL RETURNING id',
        [issuerId, now],
      );
      const row: OcspResponderEntity = {
        id: uuidV7(now),
        issuerId,
        keyId: key.id,
        certificateDer,
        notAfter,
        createdAt: now,
        supersededAt: null,
        responsesRenewedAt: superseded.length === 0 ? now : null,
      };
      await tx.insert(OcspResponderEntity, row);
      await this.audit.record(tx, caller, {
        action,
        subjectType: 'ocsp_responder',
        subjectId: row.id,
        details: {
          issuer_id: issuerId,
          serial_number: formatSerialNumber(signed.serialNumber),
          not_after: notAfter.toISOString(),
        },
        change: { before: { responder_id: superseded[0]?.id ?? null }, after: { responder_id: row.id } },
      });
      return row;
    });
  }
}
