import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Pool } from 'pg';
import { DataSource, MoreThan } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore, KeyUnavailableError } from '../keys/key-store.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import type { Signer } from '../pki/signer.js';
import { addSeconds, Clock, earliest } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { withAdvisoryLock } from '../platform/database/advisory-lock.js';
import { isDatabaseUnavailable, isUniqueViolation } from '../platform/database/database-error.js';
import { PG_POOL } from '../platform/database/database.module.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { systemCaller, type Caller } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspResponderEntity } from './ocsp-responder.entity.js';
import { IssuerExpiredError, OcspResponderIssuance, type ResponderOccasion } from './ocsp-responder-issuance.js';

/** Ready to sign. */
export interface OcspResponder {
  readonly id: string;
  readonly keyId: string;
  readonly signer: Signer;
  readonly certificateDer: Buffer;
  /** SHA-1 of its public key bits: the ResponderID byKey (RFC 6960 section 4.2.1). */
  readonly keyHash: Buffer;
  readonly notAfter: Date;
}

/** How long a responder is kept before the database is asked whether another instance made a newer one. */
const RECHECK_SECONDS = 30;
/** How long nobody tries again to make a responder after that has failed, doubled each time: a try costs a serial number. */
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 3_600_000;

const SYSTEM: ResponderOccasion = { caller: systemCaller('ocsp-responder'), action: 'ocsp_responder.issue' };

interface Held {
  readonly responder: OcspResponder;
  /** By the wall clock, which certificates go by, and monotonic milliseconds, whichever is first. */
  readonly recheckAt: Date;
  readonly recheckMs: number;
}

interface Failure {
  readonly error: unknown;
  readonly count: number;
  readonly retryMs: number;
}

/** The delegated responders: made on first need, replaced before they expire, healed when a key is gone. */
@Injectable()
export class OcspRespondersService {
  private readonly held = new Map<string, Held>();
  private readonly loading = new Map<string, Promise<OcspResponder>>();
  private readonly failures = new Map<string, Failure>();

  constructor(
    private readonly dataSource: DataSource,
    @Inject(PG_POOL) private readonly pool: Pool,
    private readonly issuance: OcspResponderIssuance,
    private readonly keyStore: KeyStore,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** The responder that signs for this issuer now. @throws IssuerExpiredError, and what signing and the database throw */
  async get(issuerId: string): Promise<OcspResponder> {
    const held = this.held.get(issuerId);
    if (held !== undefined && performance.now() < held.recheckMs && this.clock.now() < held.recheckAt) {
      return held.responder;
    }
    const running = this.loading.get(issuerId);
    if (running !== undefined) return running;
    const loading = this.load(issuerId).finally(() => this.loading.delete(issuerId));
    this.loading.set(issuerId, loading);
    return loading;
  }

  /** Asks the database at the next need. */
  recheck(issuerId: string): void {
    const held = this.held.get(issuerId);
    if (held !== undefined) this.held.set(issuerId, { ...held, recheckMs: 0 });
  }

  /**
   * Replaces the responder now. The one before stays, with its key, until the last response that it signed has expired.
   * @throws DomainError issuer_not_found, issuer_not_active; then nothing has changed
   */
  async rotate(issuerId: string, caller: Caller): Promise<OcspResponderEntity> {
    const issuer = await this.dataSource.manager.findOneBy(IssuerEntity, { id: issuerId });
    if (issuer === null) throw new DomainError('issuer_not_found', `There is no issuer ${issuerId}.`);
    if (issuer.notAfter <= this.clock.now()) {
      throw new DomainError('issuer_not_active', `The issuer ${issuerId} has expired: nobody answers for it any more.`);
    }
    const row = await this.withLock(issuerId, true, () =>
      this.make(issuer, { caller, action: 'ocsp_responder.rotate' }),
    );
    this.failures.delete(issuerId);
    this.recheck(issuerId);
    return row!;
  }

  /** The issuers whose responder is to be replaced before anybody asks. */
  async findDueForRotation(): Promise<string[]> {
    const now = this.clock.now();
    const rows = await this.dataSource.query<{ issuer_id: string }[]>(
      `SELECT r.issuer_id FROM ocsp_responders r JOIN issuers i ON i.id = r.issuer_id
        WHERE r.superseded_at IS NULL AND r.not_after <= $2 AND r.not_after < i.not_after AND i.not_after > $1
        ORDER BY r.not_after`,
      [now, addSeconds(now, this.config.ocsp.responderRotationGrace)],
    );
    return rows.map((row) => row.issuer_id);
  }

  /** Every responder that is kept: by issuer, the one that signs first. */
  async list(): Promise<{ row: OcspResponderEntity; keyUsable: boolean }[]> {
    const rows = await this.dataSource.manager.find(OcspResponderEntity, {
      order: { issuerId: 'ASC', supersededAt: { direction: 'DESC', nulls: 'FIRST' }, id: 'DESC' },
    });
    const listed: { row: OcspResponderEntity; keyUsable: boolean }[] = [];
    for (const row of rows) {
      listed.push({ row, keyUsable: (await this.findSigner(row)) !== null });
      if (row.supersededAt !== null) this.keyStore.forget(row.keyId);
    }
    return listed;
  }

  private async load(issuerId: string): Promise<OcspResponder> {
    const before = this.held.get(issuerId)?.responder;
    const responder = await this.findOrMake(issuerId);
    this.held.set(issuerId, {
      responder,
      recheckAt: earliest(responder.notAfter, addSeconds(this.clock.now(), RECHECK_SECONDS)),
      recheckMs: performance.now() + RECHECK_SECONDS * 1000,
    });
    if (before !== undefined && before.keyId !== responder.keyId) this.keyStore.forget(before.keyId);
    return responder;
  }

  private async findOrMake(issuerId: string): Promise<OcspResponder> {
    const issuer = await this.dataSource.manager.findOneByOrFail(IssuerEntity, { id: issuerId });
    const [current, ...previous] = await this.findUnexpired(issuerId);
    const usable = await this.findUsable(current);
    if (usable !== null && !this.mustReplace(usable, issuer)) return usable;
    const last = usable ?? (await this.findFirstUsable(previous));
    try {
      return (await this.tryReplace(issuer, last === null)) ?? last!;
    } catch (error) {
      if (last === null) throw error;
      return last;
    }
  }

  private async tryReplace(issuer: IssuerEntity, wait: boolean): Promise<OcspResponder | null> {
    const failure = this.failures.get(issuer.id);
    if (failure !== undefined && performance.now() < failure.retryMs) throw failure.error;
    try {
      const responder = await this.replace(issuer, wait);
      this.failures.delete(issuer.id);
      return responder;
    } catch (error) {
      if (isDatabaseUnavailable(error) || error instanceof IssuerExpiredError) throw error;
      const count = (failure?.count ?? 0) + 1;
      const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (count - 1));
      this.failures.set(issuer.id, { error, count, retryMs: performance.now() + waitMs });
      this.logger.error({ err: error, issuerId: issuer.id, waitMs }, 'no new OCSP responder could be made');
      throw error;
    }
  }

  /** A responder that ends with its issuer can't be replaced by one that lasts longer. */
  private mustReplace({ notAfter }: Pick<OcspResponder, 'notAfter'>, issuer: IssuerEntity): boolean {
    const due = addSeconds(this.clock.now(), this.config.ocsp.responderRotationGrace) >= notAfter;
    return due && notAfter < issuer.notAfter;
  }

  /** The one that signs first, then those before it. */
  private findUnexpired(issuerId: string): Promise<OcspResponderEntity[]> {
    return this.dataSource.manager.find(OcspResponderEntity, {
      where: { issuerId, notAfter: MoreThan(this.clock.now()) },
      order: { supersededAt: { direction: 'DESC', nulls: 'FIRST' }, id: 'DESC' },
    });
  }

  private async findFirstUsable(rows: readonly OcspResponderEntity[]): Promise<OcspResponder | null> {
    for (const row of rows) {
      const responder = await this.findUsable(row);
      if (responder !== null) return responder;
    }
    return null;
  }

  private async findUsable(row: OcspResponderEntity | undefined): Promise<OcspResponder | null> {
    if (row === undefined) return null;
    const signer = await this.findSigner(row);
    return signer === null ? null : toResponder(row, signer);
  }

  private async findSigner({ id, issuerId, keyId }: OcspResponderEntity): Promise<Signer | null> {
    try {
      return await this.keyStore.getSigner(keyId, 'ocsp');
    } catch (error) {
      if (!(error instanceof KeyUnavailableError)) throw error;
      this.logger.error({ err: error, issuerId, responderId: id }, 'the key of an OCSP responder can’t be used');
      return null;
    }
  }

  /**
   * One instance makes the new responder; the others find it when they get the lock.
   * @returns null when another makes it just now, and this one is not to wait
   */
  private replace(issuer: IssuerEntity, wait: boolean): Promise<OcspResponder | null> {
    return this.withLock(issuer.id, wait, async () => {
      const made = await this.findCurrent(issuer);
      if (made !== null) return made;
      const row = await this.make(issuer, SYSTEM);
      return toResponder(row, await this.keyStore.getSigner(row.keyId, 'ocsp'));
    }).catch(async (error: unknown) => {
      // The lock was lost with its session, and somebody else was first.
      const made = isUniqueViolation(error) ? await this.findCurrent(issuer) : null;
      if (made === null) throw error;
      return made;
    });
  }

  private async findCurrent(issuer: IssuerEntity): Promise<OcspResponder | null> {
    const [current] = await this.findUnexpired(issuer.id);
    const usable = current?.supersededAt === null ? await this.findUsable(current) : null;
    return usable !== null && !this.mustReplace(usable, issuer) ? usable : null;
  }

  private async make(issuer: IssuerEntity, occasion: ResponderOccasion): Promise<OcspResponderEntity> {
    const row = await this.issuance.issue(issuer, occasion);
    this.metrics.count('responder_issued');
    return row;
  }

  private withLock<T>(issuerId: string, wait: boolean, work: () => Promise<T>): Promise<T | null> {
    return withAdvisoryLock(this.pool, `ocsp-responder:${issuerId}`, { wait }, work);
  }
}

function toResponder(row: OcspResponderEntity, signer: Signer): OcspResponder {
  const { publicKeyBits } = parseCertificateFields(row.certificateDer);
  return {
    id: row.id,
    keyId: row.keyId,
    signer,
    certificateDer: row.certificateDer,
    keyHash: createHash('sha1').update(publicKeyBits).digest(),
    notAfter: row.notAfter,
  };
}
