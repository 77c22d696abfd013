import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { CrlDistributionPoints } from '../issuers/crl-distribution-points.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import { keyIdentifierOf } from '../pki/certificate.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import type { CrlFields } from '../pki/crl.js';
import { addSeconds, BACKDATE_SECONDS, Clock, latest, truncateToSecond } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { CrlBases } from './crl-bases.js';
import type { Allocation } from './crl-numbers.js';
import type { CrlScope } from './crl-scope.js';
import { selectChanged, selectRevoked } from './revoked-certificates.js';

/** What a CRL will say, but for its entries. */
export interface CrlPlan {
  readonly fields: Omit<CrlFields, 'entries'>;
  /** The query for its entries. */
  readonly select: string;
}

type Validity = Pick<CrlFields, 'thisUpdate' | 'nextUpdate'>;
type ScopeFields = Pick<
  CrlFields,
  'issuingDistributionPoint' | 'baseCrlNumber' | 'freshestCrl' | 'expiredCertsOnCrl' | 'nextUpdate'
>;

/** Decides what goes into a CRL. */
@Injectable()
export class CrlPlanner {
  constructor(
    private readonly bases: CrlBases,
    private readonly distributionPoints: CrlDistributionPoints,
    private readonly addresses: RelyingPartyAddresses,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @param client in a transaction with one snapshot: the query for the entries belongs to it */
  async plan(client: PoolClient, issuer: IssuerEntity, scope: CrlScope, allocation: Allocation): Promise<CrlPlan> {
    const { subjectDer, subjectKeyIdentifier, spkiDer } = parseCertificateFields(issuer.certificateDer);
    const validity = this.validityAfter(allocation.previousThisUpdate);
    const { select, ...fields } =
      scope.kind === 'delta'
        ? await this.planDelta(client, issuer, validity)
        : await this.planFull(issuer, scope, validity, allocation.previousThisUpdate);
    return {
      select,
      fields: {
        issuerDer: subjectDer,
        authorityKeyIdentifier: subjectKeyIdentifier ?? keyIdentifierOf(spkiDer),
        crlNumber: allocation.crlNumber,
        thisUpdate: validity.thisUpdate,
        ...fields,
      },
    };
  }

  private async planFull(
    issuer: IssuerEntity,
    scope: CrlScope,
    { nextUpdate }: Validity,
    previousThisUpdate: Date | null,
  ): Promise<ScopeFields & { select: string }> {
    const isShard = scope.kind === 'shard';
    const keepsExpired = issuer.expiredCertsOnCrl;
    return {
      nextUpdate,
      issuingDistributionPoint: isShard ? await this.getDistributionPoints(scope) : null,
      freshestCrl:
        isShard || this.deltaInterval(issuer) === 0 ? null : [`${this.addresses.crl(issuer.id, null)}/delta`],
      expiredCertsOnCrl: keepsExpired ? issuer.notBefore : null,
      // An entry stays on one CRL after its certificate expired (RFC 5280 section 3.3), however long ago the last one was.
      select: selectRevoked(scope, keepsExpired ? null : previousThisUpdate),
    };
  }

  private async planDelta(
    client: PoolClient,
    issuer: IssuerEntity,
    { thisUpdate, nextUpdate }: Validity,
  ): Promise<ScopeFields & { select: string }> {
    const base = await this.bases.get(client, issuer.id);
    const seconds = 2 * this.deltaInterval(issuer) + BACKDATE_SECONDS;
    return {
      nextUpdate: seconds < this.config.crl.validity ? addSeconds(thisUpdate, seconds) : nextUpdate,
      baseCrlNumber: base.crlNumber,
      select: selectChanged(issuer.id, base.revision),
    };
  }

  private validityAfter(previousThisUpdate: Date | null): Validity {
    const backdated = addSeconds(truncateToSecond(this.clock.now()), -BACKDATE_SECONDS);
    // Last-Modified is thisUpdate, to the second: two CRLs with the same would be one to If-Modified-Since.
    const thisUpdate = previousThisUpdate === null ? backdated : latest(backdated, addSeconds(previousThisUpdate, 1));
    return { thisUpdate, nextUpdate: addSeconds(thisUpdate, this.config.crl.validity) };
  }

  /** Every one that a certificate may name: a relying party looks for the one that it came by. */
  private async getDistributionPoints({ issuerId, shard }: CrlScope): Promise<string[]> {
    const urls = await this.distributionPoints.list(issuerId, shard);
    if (urls.length === 0) throw new Error('no certificate can name this shard');
    return urls;
  }

  /** Seconds; 0: there are no deltas. */
  private deltaInterval({ crlDeltaInterval }: IssuerEntity): number {
    return crlDeltaInterval ?? this.config.crl.deltaInterval;
  }
}
