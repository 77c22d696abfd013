import { Injectable } from '@nestjs/common';
import { IssuerDirectory, namesIssuer, type IssuerIdentity } from '../issuers/issuer-directory.js';
import type { CertId } from '../pki/cert-id.js';
import type { OcspRequest } from '../pki/ocsp-request.js';
import { Clock } from '../platform/clock/clock.js';
import type { Tally } from '../platform/metrics/tallied-counter.js';
import type { Filled } from './fenced-cache.js';
import { OcspAnswer } from './ocsp-answer.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OcspNode } from './ocsp-node.service.js';
import { OcspRefusal } from './ocsp-refusal.js';
import { formatResponseKey, OcspResponseStore, type StoredResponse } from './ocsp-response-store.js';
import { authorizeRequest, isOpenTo } from './request-authorization.js';
import { ResponseSigner } from './response-signer.js';
import { SigningBudget } from './signing-budget.js';

/** Answers for one client alone: this many at a time, and begun in one turn of the event loop; this many waiting. */
const BUDGET_CONCURRENCY = 8;
const BUDGET_QUEUE = 512;

/** Answers from memory, else from the database, else with a fresh signature. */
@Injectable()
export class OcspService {
  private readonly budget = new SigningBudget(BUDGET_CONCURRENCY, BUDGET_QUEUE, BUDGET_CONCURRENCY);
  private readonly memoryHits: Tally;
  private readonly memoryMisses: Tally;

  constructor(
    private readonly directory: IssuerDirectory,
    private readonly node: OcspNode,
    private readonly store: OcspResponseStore,
    private readonly signer: ResponseSigner,
    private readonly clock: Clock,
    metrics: OcspMetrics,
  ) {
    this.memoryHits = metrics.cacheLookups.tally({ layer: 'memory', result: 'hit' });
    this.memoryMisses = metrics.cacheLookups.tally({ layer: 'memory', result: 'miss' });
  }

  /**
   * The answer from memory, at once, or null: then {@link answer} has to look further.
   * @param issuerId the issuer that the address names, or null where the CertID alone finds it
   */
  findInMemory(
    request: OcspRequest,
    issuerId: string | null,
    nowMs: number = this.clock.now().getTime(),
  ): OcspAnswer | null {
    const certId = request.certIds[0]!;
    if (request.nonce !== null || request.certIds.length !== 1) return null;
    const issuer = this.directory.findKnown(certId, issuerId);
    if (issuer === null || !isOpenTo(issuer, request)) return null;
    return this.findFresh(responseKey(issuer, certId), nowMs);
  }

  /**
   * Answers a request. A lookup that fails throws: nothing is ever called good on doubt.
   * @param bytes the request, for its signature; null for a short form
   * @throws OcspRefusal, BudgetExceededError, and what the database throws
   */
  async answer(request: OcspRequest, issuerId: string | null, bytes: Buffer | null): Promise<OcspAnswer> {
    const { certIds, nonce } = request;
    const issuer = await this.findIssuer(certIds, issuerId);
    await authorizeRequest(issuer, request, bytes, this.clock.now());
    const [certId, ...others] = certIds;
    if (nonce !== null || certId === undefined || others.length > 0) {
      return this.budget.run(() => this.signer.signAfresh(issuer, certIds, nonce));
    }
    const key = responseKey(issuer, certId);
    // A request that has to be signed is looked up here for the first time.
    const found = this.findFresh(key, this.clock.now().getTime());
    if (found !== null) return found;
    this.memoryMisses.count += 1;
    return this.node.cache.load(key, () => this.load(issuer, certId));
  }

  /** One responder signs the whole answer, so all CertIDs must name one issuer of ours. */
  async findIssuer(certIds: readonly CertId[], issuerId: string | null): Promise<IssuerIdentity> {
    const issuer =
      issuerId === null ? await this.directory.findByCertId(certIds[0]!) : await this.directory.findById(issuerId);
    if (issuer === null || !issuer.hasKey || !certIds.every((certId) => namesIssuer(certId, issuer))) {
      throw new OcspRefusal('unauthorized');
    }
    return issuer;
  }

  /** From memory, behind the lease. What is due to be replaced goes, lest it is found again while the new one is made. */
  private findFresh(key: string, nowMs: number): OcspAnswer | null {
    const held = this.node.cache.find(key);
    if (held === undefined) return null;
    if (nowMs >= held.refreshAtMs) {
      this.node.cache.evict(key);
      return null;
    }
    this.memoryHits.count += 1;
    return held;
  }

  private async load(issuer: IssuerIdentity, certId: CertId): Promise<Filled<OcspAnswer>> {
    const key = { issuerId: issuer.id, serialNumber: certId.serialNumber, algorithm: certId.algorithm };
    const stored = await this.store.find(key, this.clock.now());
    const answer = stored === null ? await this.signer.signAndStore(issuer, certId) : answerOf(stored);
    if (answer !== null) return { value: answer, bytes: answer.bytes };
    // Kept nowhere: random serial numbers must not fill a cache, and this one may be issued in a moment.
    return { value: await this.budget.run(() => this.signer.signAfresh(issuer, [certId], null)), bytes: null };
  }
}

/** With bytes of its own: those of a row may lie in memory that they share with what has long been forgotten. */
function answerOf({
  der,
  certificateStatus,
  producedAt,
  thisUpdate,
  nextUpdate,
  refreshAt,
}: StoredResponse): OcspAnswer {
  const own = Buffer.allocUnsafeSlow(der.length);
  own.set(der);
  return new OcspAnswer(own, certificateStatus, { producedAt, thisUpdate, nextUpdate, refreshAt });
}

function responseKey(issuer: IssuerIdentity, { serialNumber, algorithm }: CertId): string {
  return formatResponseKey({ issuerId: issuer.id, serialNumber, algorithm });
}
