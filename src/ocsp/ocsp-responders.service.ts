import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { IssuanceService } from '../certificates/issuance.service.js';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore, KeyUnavailableError } from '../keys/key-store.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { distinguishedNameFromAttributes } from '../pki/distinguished-name.js';
import type { Signer } from '../pki/signer.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { addSeconds, Clock, earliest, latest, truncateToSecond } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { Transactions } from '../platform/database/transaction.js';
import { uuidV7 } from '../platform/database/uuid.js';
import { systemCaller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspResponderEntity } from './ocsp-responder.entity.js';

/** Ready to sign. */
export interface OcspResponder {
  readonly signer: Signer;
  readonly certificateDer: Buffer;
  /** SHA-1 of its public key bits: the ResponderID byKey (RFC 6960 section 4.2.1). */
  readonly keyHash: Buffer;
  readonly notAfter: Date;
}

/** How long a responder is kept before the database is asked whether another instance made a newer one. */
const RECHECK_SECONDS = 60;
const BACKDATE_SECONDS = 300;

/** The issuer has expired: nobody can answer for it any more. */
export class IssuerExpiredError extends Error {
  constructor(issuerId: string) {
    super(`the issuer ${issuerId} has expired`);
    this.name = 'IssuerExpiredError';
  }
}

interface Held {
  readonly responder: OcspResponder;
  readonly recheckAt: Date;
}

/** The delegated responder certificates: made on first need, replaced before they expire, healed when a key is gone. */
@Injectable()
export class OcspRespondersService {
  private readonly held = new Map<string, Held>();
  private readonly loading = new Map<string, Promise<OcspResponder>>();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly transactions: Transactions,
    private readonly issuance: IssuanceService,
    private readonly keyStore: KeyStore,
    private readonly audit: AuditService,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** The responder that signs for this issuer now. @throws IssuerExpiredError, and what the database throws */
  async get(issuerId: string): Promise<OcspResponder> {
    const held = this.held.get(issuerId);
    if (held !== undefined && this.clock.now() < held.recheckAt) return held.responder;
    const running = this.loading.get(issuerId);
    if (running !== undefined) return running;
    const loading = this.load(issuerId).finally(() => this.loading.delete(issuerId));
    this.loading.set(issuerId, loading);
    return loading;
  }

  private async load(issuerId: string): Promise<OcspResponder> {
    const issuer = await this.dataSource.manager.findOneByOrFail(IssuerEntity, { id: issuerId });
    const current = await this.findUsable(issuer);
    const due = current === null || this.mustReplace(current, issuer);
    const responder = due ? await this.tryToReplace(issuer, current) : current;
    this.held.set(issuerId, {
      responder,
      recheckAt: earliest(responder.notAfter, addSeconds(this.clock.now(), RECHECK_SECONDS)),
    });
    return responder;
  }

  /** A responder that ends with its issuer can't be replaced by one that lasts longer. */
  private mustReplace({ notAfter }: OcspResponder, issuer: IssuerEntity): boolean {
    const due = addSeconds(this.clock.now(), this.config.ocsp.responderRotationGrace) >= notAfter;
    return due && notAfter < issuer.notAfter;
  }

  /** The newest responder that can sign: whose certificate holds and whose key opens. */
  private async findUsable(issuer: IssuerEntity): Promise<OcspResponder | null> {
    const row = await this.dataSource.manager.findOne(OcspResponderEntity, {
      where: { issuerId: issuer.id },
      order: { id: 'DESC' },
    });
    if (row === null || row.notAfter <= this.clock.now()) return null;
    try {
      return toResponder(row, await this.keyStore.getSigner(row.keyId, 'ocsp'));
    } catch (error) {
      if (!(error instanceof KeyUnavailableError)) throw error;
      this.logger.error({ err: error, issuerId: issuer.id }, 'the OCSP responder key is gone; making a new one');
      return null;
    }
  }

  /** A responder that can't be replaced now stays until it expires. */
  private async tryToReplace(issuer: IssuerEntity, current: OcspResponder | null): Promise<OcspResponder> {
    try {
      return (await this.replace(issuer, current === null)) ?? current!;
    } catch (error) {
      if (current === null) throw error;
      this.logger.error(
        { err: error, issuerId: issuer.id },
        'the OCSP responder could not be replaced; the old one stays',
      );
      return current;
    }
  }

  /** One instance makes the new responder; the others find it when they get the lock. Null: another makes it just now. */
  private async replace(issuer: IssuerEntity, wait: boolean): Promise<OcspResponder | null> {
    return withAdvisoryLock(this.pool, `ocsp-responder:${issuer.id}`, { wait }, async () => {
      const made = await this.findUsable(issuer);
      return made !== null && !this.mustReplace(made, issuer) ? made : this.issue(issuer);
    });
  }

  private async issue(issuer: IssuerEntity): Promise<OcspResponder> {
    const now = this.clock.now();
    if (issuer.notAfter <= now) throw new IssuerExpiredError(issuer.id);
    const key = await this.keyStore.generate('ecdsa-p256');
    const subject = distinguishedNameFromAttributes({ common_name: `OCSP responder of ${issuer.id}`.slice(0, 64) });
    const notBefore = latest(issuer.notBefore, truncateToSecond(addSeconds(now, -BACKDATE_SECONDS)));
    const notAfter = earliest(issuer.notAfter, truncateToSecond(addSeconds(now, this.config.ocsp.responderValidity)));
    const signed = await this.issuance.sign({
      issuer,
      profile: { kind: 'ocsp-responder' },
      subjectDer: subject.der,
      subject: subject.text,
      spkiDer: key.spkiDer,
      notBefore,
      notAfter,
    });
    const row: OcspResponderEntity = {
      id: uuidV7(now),
      issuerId: issuer.id,
      keyId: key.id,
      certificateDer: signed.certificateDer,
      notAfter,
      createdAt: now,
    };
    await this.transactions.run(async (tx) => {
      await this.issuance.confirm(tx, signed);
      await key.save(tx);
      await tx.insert(OcspResponderEntity, row);
      await this.audit.record(tx, systemCaller('ocsp-responder'), {
        action: 'ocsp_responder.issue',
        subjectType: 'ocsp_responder',
        subjectId: row.id,
        details: {
          issuer_id: issuer.id,
          serial_number: formatSerialNumber(signed.serialNumber),
          not_after: notAfter.toISOString(),
        },
      });
    });
    this.metrics.events.inc({ event: 'responder_issued' });
    return toResponder(row, key.signer('ocsp'));
  }
}

function toResponder(row: OcspResponderEntity, signer: Signer): OcspResponder {
  const { publicKeyBits } = parseCertificateFields(row.certificateDer);
  return {
    signer,
    certificateDer: row.certificateDer,
    keyHash: createHash('sha1').update(publicKeyBits).digest(),
    notAfter: row.notAfter,
  };
}
