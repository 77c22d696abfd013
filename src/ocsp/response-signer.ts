import { Inject, Injectable } from '@nestjs/common';
import { CertificateStatusService, type CertificateStatus } from '../certificates/certificate-status.service.js';
import type { IssuerIdentity } from '../issuers/issuer-directory.js';
import type { CertId } from '../pki/cert-id.js';
import { buildOcspResponse, type CertStatus, type SingleResponse } from '../pki/ocsp-response.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { FencedStatuses } from './fenced-statuses.js';
import { OcspAnswer } from './ocsp-answer.js';
import { OcspRefusal } from './ocsp-refusal.js';
import type { OcspResponder } from './ocsp-responder.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { OcspResponseStore } from './ocsp-response-store.js';
import { responseTimes, unknownTimes, type ResponseTimes } from './ocsp-validity.js';

/** How often a decision is made anew because a revocation came between signing and storing. */
const MAX_DECISIONS = 5;

/** Reads the status, signs what it says, and stores what may be stored. */
@Injectable()
export class ResponseSigner {
  constructor(
    private readonly statuses: CertificateStatusService,
    private readonly fencedStatuses: FencedStatuses,
    private readonly responders: OcspRespondersService,
    private readonly store: OcspResponseStore,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * Signs a response and stores it; what was overtaken by a revocation is thrown away and decided again.
   * @returns null when there is no such certificate: that is told to nobody but who asks, for it may be issued in a moment
   * @throws OcspRefusal tryLater when the status does not stand still
   */
  async signAndStore(issuer: IssuerIdentity, certId: CertId): Promise<OcspAnswer | null> {
    const key = { issuerId: issuer.id, serialNumber: certId.serialNumber, algorithm: certId.algorithm };
    for (let decisions = 0; decisions < MAX_DECISIONS; decisions++) {
      const status = await this.statuses.find(issuer.id, certId.serialNumber);
      if (status === null || status.status === 'reserved') return null;
      const responder = await this.responders.get(issuer.id);
      const { response, times } = this.single(certId, status, responder);
      const der = await this.build([response], responder, null);
      if (await this.store.store(key, status, { ...times, der, certificateStatus: status.status })) {
        return new OcspAnswer(der, status.status, times);
      }
    }
    throw new OcspRefusal('tryLater');
  }

  /** Signs an answer for one client alone: with its nonce, of several certificates, or of one that is not known. */
  async signAfresh(issuer: IssuerIdentity, certIds: readonly CertId[], nonce: Buffer | null): Promise<OcspAnswer> {
    const responder = await this.responders.get(issuer.id);
    const statuses = await Promise.all(
      certIds.map(async ({ serialNumber }) => this.fencedStatuses.find(issuer.id, serialNumber)),
    );
    const responses = certIds.map(
      (certId, index) => this.single(certId, toCertStatus(statuses[index] ?? null), responder).response,
    );
    const [only, ...others] = responses;
    const status = only === undefined || others.length > 0 ? 'several' : only.certStatus.status;
    return new OcspAnswer(await this.build(responses, responder, nonce), status, null);
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
