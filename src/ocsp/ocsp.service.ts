import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CertificateStatusService, type CertificateStatus } from '../certificates/certificate-status.service.js';
import { IssuerDirectory, namesIssuer, type IssuerIdentity } from '../issuers/issuer-directory.js';
import type { CertId } from '../pki/cert-id.js';
import type { OcspRequest } from '../pki/ocsp-request.js';
import { buildOcspResponse, type CertStatus, type OcspErrorStatus, type SingleResponse } from '../pki/ocsp-response.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { OcspCacheService, type StorableStatus, type StoredResponse } from './ocsp-cache.service.js';
import { OcspRespondersService, type OcspResponder } from './ocsp-responders.service.js';
import { responseTimes, unknownTimes, type ResponseTimes } from './ocsp-validity.js';

/** A refusal: the OCSP error status that answers the request. */
export class OcspRefusal extends Error {
  constructor(readonly status: OcspErrorStatus) {
    super(status);
    this.name = 'OcspRefusal';
  }
}

/** A signed answer. */
export interface OcspAnswer {
  readonly der: Buffer;
  /** For the metric. */
  readonly status: CertStatus['status'] | 'several';
  /** When it may be kept on the way; null for one that is for this client alone, or soon wrong. */
  readonly cacheable: ResponseTimes | null;
}

/** How often a decision is made anew because a revocation came between signing and storing. */
const MAX_DECISIONS = 5;

@Injectable()
export class OcspService {
  constructor(
    private readonly directory: IssuerDirectory,
    private readonly statuses: CertificateStatusService,
    private readonly responders: OcspRespondersService,
    private readonly cache: OcspCacheService,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Answers a request. A lookup that fails throws: nothing is ever called good on doubt.
   * @param issuerId the issuer that the address names, or null where the CertID alone finds it
   * @throws OcspRefusal, and what the database throws
   */
  async answer(request: OcspRequest, issuerId: string | null): Promise<OcspAnswer> {
    const issuer = await this.findIssuer(request.certIds, issuerId);
    const [certId, ...others] = request.certIds;
    if (request.nonce === null && certId !== undefined && others.length === 0) return this.answerOne(issuer, certId);
    return this.answerAfresh(issuer, request);
  }

  /** One responder signs the whole answer, so all CertIDs must name one issuer of ours. */
  private async findIssuer(certIds: readonly CertId[], issuerId: string | null): Promise<IssuerIdentity> {
    const issuer =
      issuerId === null ? await this.directory.findByCertId(certIds[0]!) : await this.directory.findById(issuerId);
    if (issuer === null || !certIds.every((certId) => namesIssuer(certId, issuer))) {
      throw new OcspRefusal('unauthorized');
    }
    return issuer;
  }

  private async answerOne(issuer: IssuerIdentity, certId: CertId): Promise<OcspAnswer> {
    const key = { issuerId: issuer.id, serialNumber: certId.serialNumber, algorithm: certId.algorithm };
    const stored = await this.cache.find(key, this.clock.now());
    if (stored !== null) return { der: stored.der, status: stored.certificateStatus, cacheable: stored };
    const responder = await this.responders.get(issuer.id);
    for (let decisions = 0; decisions < MAX_DECISIONS; decisions++) {
      const status = await this.statuses.find(issuer.id, certId.serialNumber);
      if (status === null || status.status === 'reserved') return this.answerUnknown(certId, responder);
      const signed = await this.sign(certId, status, responder);
      if (await this.cache.store(key, status, signed)) {
        return { der: signed.der, status: status.status, cacheable: signed };
      }
    }
    throw new OcspRefusal('tryLater');
  }

  /** With a nonce, or of several certificates: for this client alone. */
  private async answerAfresh(issuer: IssuerIdentity, request: OcspRequest): Promise<OcspAnswer> {
    const responder = await this.responders.get(issuer.id);
    const responses: SingleResponse[] = [];
    for (const certId of request.certIds) {
      const status = await this.statuses.find(issuer.id, certId.serialNumber);
      responses.push(this.single(certId, toCertStatus(status), responder).response);
    }
    const [only, ...others] = responses;
    return {
      der: await this.build(responses, responder, request.nonce),
      status: only === undefined || others.length > 0 ? 'several' : only.certStatus.status,
      cacheable: null,
    };
  }

  private async answerUnknown(certId: CertId, responder: OcspResponder): Promise<OcspAnswer> {
    const { response } = this.single(certId, { status: 'unknown' }, responder);
    return { der: await this.build([response], responder, null), status: 'unknown', cacheable: null };
  }

  private async sign(certId: CertId, status: StorableStatus, responder: OcspResponder): Promise<StoredResponse> {
    const { response, times } = this.single(certId, status, responder);
    return { ...times, der: await this.build([response], responder, null), certificateStatus: status.status };
  }

  private single(
    certId: CertId,
    certStatus: CertStatus,
    { notAfter }: OcspResponder,
  ): { response: SingleResponse; times: ResponseTimes } {
    const now = this.clock.now();
    const times =
      certStatus.status === 'unknown'
        ? unknownTimes(now, notAfter)
        : responseTimes(now, this.config.ocsp.validity, notAfter);
    return { response: { certId, certStatus, thisUpdate: times.thisUpdate, nextUpdate: times.nextUpdate }, times };
  }

  private build(
    responses: readonly SingleResponse[],
    { keyHash, certificateDer, signer }: OcspResponder,
    nonce: Buffer | null,
  ): Promise<Buffer> {
    const producedAt = this.clock.now();
    return buildOcspResponse(
      { responses, responderKeyHash: keyHash, producedAt, nonce, certificate: certificateDer },
      signer,
    );
  }
}

/** A serial number that is reserved has no certificate yet: like one that was never given away, it is not known. */
function toCertStatus(status: CertificateStatus | null): CertStatus {
  return status === null || status.status === 'reserved' ? { status: 'unknown' } : status;
}

/** The entity tag of a response (RFC 9919 section 5: the hexadecimal SHA-256 of its bytes). */
export function etagOf(der: Buffer): string {
  return `"${createHash('sha256').update(der).digest('hex')}"`;
}
