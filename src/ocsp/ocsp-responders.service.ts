import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore } from '../keys/key-store.js';
import { addSeconds, Clock, earliest } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import type { Caller } from '../platform/http/caller.js';
import { hasIssuer, requireProfile } from '../platform/http/scope.js';
import type { OcspResponderEntity } from './ocsp-responder.entity.js';
import { RESPONDER_PROFILE, type OcspResponder } from './ocsp-responder.js';
import { OcspResponderDirectory } from './ocsp-responder-directory.js';
import { OcspResponderReplacement } from './ocsp-responder-replacement.js';

/** How long a responder is kept before the database is asked whether another instance made a newer one. */
const RECHECK_SECONDS = 30;

interface Held {
  readonly responder: OcspResponder;
  /** By the wall clock, which certificates go by, and monotonic milliseconds, whichever is first. */
  readonly recheckAt: Date;
  readonly recheckMs: number;
}

/** The delegated responders that sign: made on first need, replaced before they expire, healed when a key is gone. */
@Injectable()
export class OcspRespondersService {
  private readonly held = new Map<string, Held>();
  private readonly loading = new Map<string, Promise<OcspResponder>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly directory: OcspResponderDirectory,
    private readonly replacement: OcspResponderReplacement,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
  ) {}

  /** The responder that signs for this issuer now. @throws IssuerExpiredError, and what signing and the database throw */
  async get(issuerId: string): Promise<OcspResponder> {
    const held = this.held.get(issuerId);
    if (held !== undefined && performance.now() < held.recheckMs && this.clock.now() < held.recheckAt) {
      return held.responder;
    }
    return this.loading.get(issuerId) ?? this.load(issuerId);
  }

  /** Asks the database at the next need. A load that is under way is for those who wait for it: it may have read too early. */
  recheck(issuerId: string): void {
    this.loading.delete(issuerId);
    const held = this.held.get(issuerId);
    if (held !== undefined) this.held.set(issuerId, { ...held, recheckMs: 0 });
  }

  recheckAll(): void {
    for (const issuerId of new Set([...this.held.keys(), ...this.loading.keys()])) this.recheck(issuerId);
  }

  /**
   * Replaces the responder now. The one before stays, with its key, until the last response that it signed has expired.
   * @throws DomainError forbidden, issuer_not_found, issuer_not_active, issuer_without_key; then nothing has changed
   */
  async rotate(issuerId: string, caller: Caller): Promise<OcspResponderEntity> {
    requireProfile(caller.scope, RESPONDER_PROFILE);
    const isVisible = hasIssuer(caller.scope, issuerId);
    const issuer = isVisible ? await this.dataSource.manager.findOneBy(IssuerEntity, { id: issuerId }) : null;
    if (issuer === null) throw new DomainError('issuer_not_found', `There is no issuer ${issuerId}.`);
    if (issuer.notAfter <= this.clock.now()) {
      throw new DomainError('issuer_not_active', `The issuer ${issuerId} has expired: nobody answers for it any more.`);
    }
    const row = await this.replacement.rotate(issuer, caller);
    this.recheck(issuerId);
    return row;
  }

  private load(issuerId: string): Promise<OcspResponder> {
    const loading = this.findOrMake(issuerId).then((responder) => {
      if (this.loading.get(issuerId) === loading) this.hold(issuerId, responder);
      return responder;
    });
    this.loading.set(issuerId, loading);
    const forget = (): void => {
      if (this.loading.get(issuerId) === loading) this.loading.delete(issuerId);
    };
    loading.then(forget, forget);
    return loading;
  }

  private hold(issuerId: string, responder: OcspResponder): void {
    const before = this.held.get(issuerId)?.responder;
    this.held.set(issuerId, {
      responder,
      recheckAt: earliest(responder.notAfter, addSeconds(this.clock.now(), RECHECK_SECONDS)),
      recheckMs: performance.now() + RECHECK_SECONDS * 1000,
    });
    if (before !== undefined && before.keyId !== responder.keyId) this.keyStore.forget(before.keyId);
  }

  private async findOrMake(issuerId: string): Promise<OcspResponder> {
    const issuer = await this.dataSource.manager.findOneByOrFail(IssuerEntity, { id: issuerId });
    const current = await this.directory.findCurrent(issuer);
    if (current !== null) return current;
    const last = await this.directory.findLast(issuerId);
    try {
      return (await this.replacement.replace(issuer, last === null)) ?? last!;
    } catch (error) {
      if (last === null) throw error;
      return last;
    }
  }
}
