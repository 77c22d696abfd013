import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore, KeyUnavailableError } from '../keys/key-store.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { hasCertificate, type Scope } from '../platform/http/scope.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspResponderEntity } from './ocsp-responder.entity.js';
import { RESPONDER_PROFILE, RESPONDER_REVOKED, toResponder, type OcspResponder } from './ocsp-responder.js';

/** The delegated responders in the database, and which of them may and can sign. */
@Injectable()
export class OcspResponderDirectory {
  constructor(
    private readonly dataSource: DataSource,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** The one that signs now; null when a new one is to be made: there is none, its key is gone, it was revoked, or ends soon. */
  async findCurrent(issuer: IssuerEntity): Promise<OcspResponder | null> {
    const [newest] = await this.findFit(issuer.id);
    const current = newest?.supersededAt === null ? await this.findUsable(newest) : null;
    return current !== null && !this.mustReplace(current, issuer) ? current : null;
  }

  /** The newest that can sign, for as long as there is no new one; null when none can. */
  async findLast(issuerId: string): Promise<OcspResponder | null> {
    for (const row of await this.findFit(issuerId)) {
      const responder = await this.findUsable(row);
      if (responder !== null) return responder;
    }
    return null;
  }

  /** @throws KeyUnavailableError */
  async open(row: OcspResponderEntity): Promise<OcspResponder> {
    return toResponder(row, await this.keyStore.getSigner(row.keyId, 'ocsp'));
  }

  /** The issuers whose responder is to be replaced before anybody asks. */
  async findDueForRotation(): Promise<string[]> {
    const now = this.clock.now();
    const rows = await this.dataSource.query<{ issuer_id: string }[]>(
      `SELECT r.issuer_id FROM ocsp_responders r JOIN issuers i ON i.id = r.issuer_id
        WHERE r.superseded_at IS NULL AND i.not_after > $1
          AND ((r.not_after <= $2 AND r.not_after < i.not_after) OR ${RESPONDER_REVOKED})
        ORDER BY r.not_after`,
      [now, addSeconds(now, this.config.ocsp.responderRotationGrace)],
    );
    return rows.map((row) => row.issuer_id);
  }

  /** Every responder of the scope that is kept: by issuer, the one that signs first. */
  async list(scope: Scope): Promise<{ row: OcspResponderEntity; keyUsable: boolean }[]> {
    const rows = await this.dataSource.manager.find(OcspResponderEntity, {
      order: { issuerId: 'ASC', supersededAt: { direction: 'DESC', nulls: 'FIRST' }, id: 'DESC' },
    });
    const listed: { row: OcspResponderEntity; keyUsable: boolean }[] = [];
    for (const row of rows) {
      if (!hasCertificate(scope, { issuerId: row.issuerId, profile: RESPONDER_PROFILE })) continue;
      listed.push({ row, keyUsable: (await this.findUsable(row)) !== null });
      if (row.supersededAt !== null) this.keyStore.forget(row.keyId);
    }
    return listed;
  }

  /** Neither expired nor revoked: the one that signs first, then those before it. */
  private findFit(issuerId: string): Promise<OcspResponderEntity[]> {
    return this.dataSource.manager
      .createQueryBuilder(OcspResponderEntity, 'r')
      .where('r.issuerId = :issuerId AND r.notAfter > :now', { issuerId, now: this.clock.now() })
      .andWhere(`NOT ${RESPONDER_REVOKED}`)
      .orderBy('r.supersededAt', 'DESC', 'NULLS FIRST')
      .addOrderBy('r.id', 'DESC')
      .getMany();
  }

  private async findUsable(row: OcspResponderEntity): Promise<OcspResponder | null> {
    try {
      return await this.open(row);
    } catch (error) {
      if (!(error instanceof KeyUnavailableError)) throw error;
      const { id: responderId, issuerId } = row;
      this.logger.error({ err: error, issuerId, responderId }, 'the key of an OCSP responder can’t be used');
      return null;
    }
  }

  /** A responder that ends with its issuer can't be replaced by one that lasts longer. */
  private mustReplace({ notAfter }: OcspResponder, issuer: IssuerEntity): boolean {
    const due = addSeconds(this.clock.now(), this.config.ocsp.responderRotationGrace) >= notAfter;
    return due && notAfter < issuer.notAfter;
  }
}
