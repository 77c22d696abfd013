import { Inject, Injectable } from '@nestjs/common';
import { CertificatesService } from '../certificates/certificates.service.js';
import { certificateStatus } from '../certificates/certificate.schemas.js';
import { IssuerDirectory, type IssuerIdentity } from '../issuers/issuer-directory.js';
import { buildCertId, type CertId } from '../pki/cert-id.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { OcspNonceError, OcspRequestError, parseOcspRequest, type OcspRequest } from '../pki/ocsp-request.js';
import type { OcspErrorStatus } from '../pki/ocsp-response.js';
import { formatSerialNumber, parseSerialNumber } from '../pki/serial-number.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { hasIssuer, hasProfile, type Scope } from '../platform/http/scope.js';
import type { ExplainOcsp, OcspExplanation } from './ocsp-admin.schemas.js';
import type { OcspAnswer } from './ocsp-answer.js';
import { OcspNode } from './ocsp-node.service.js';
import { findRefusal, OcspRefusal } from './ocsp-refusal.js';
import { IssuerExpiredError } from './ocsp-responder-issuance.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import { formatResponseKey, OcspResponseStore, type OcspResponseKey } from './ocsp-response-store.js';
import { OcspService } from './ocsp.service.js';
import { authorizeRequest } from './request-authorization.js';

interface Question {
  readonly request: OcspRequest;
  readonly bytes: Buffer | null;
  readonly issuerId: string | null;
}

type Timing = Pick<OcspExplanation, 'produced_at' | 'this_update' | 'next_update' | 'refresh_at'>;

const NO_TIMES: Timing = { produced_at: null, this_update: null, next_update: null, refresh_at: null };

/** Says what the responder would answer, and why, without answering. */
@Injectable()
export class OcspExplanationService {
  constructor(
    private readonly ocsp: OcspService,
    private readonly node: OcspNode,
    private readonly directory: IssuerDirectory,
    private readonly certificates: CertificatesService,
    private readonly store: OcspResponseStore,
    private readonly responders: OcspRespondersService,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * @param scope an issuer that is not in it is as if not ours; a certificate of another profile is not named
   * @throws DomainError invalid_request, issuer_not_found; PkiError invalid_serial_number
   */
  async explain(input: ExplainOcsp, scope: Scope): Promise<OcspExplanation> {
    let question: Question;
    try {
      question = await this.read(input, scope);
    } catch (error) {
      const answer = error instanceof OcspRequestError ? findRefusal(error, this.config) : null;
      if (answer === null) throw error;
      return { ...refusal(answer, whyMalformed(error, answer), null, null), nonce: error instanceof OcspNonceError };
    }
    const { request, issuerId, bytes } = question;
    const namedId = issuerId !== null && hasIssuer(scope, issuerId) ? issuerId : null;
    let issuer: IssuerIdentity | null = null;
    try {
      const found = await this.ocsp.findIssuer(request.certIds, issuerId);
      if (!hasIssuer(scope, found.id)) throw new OcspRefusal('unauthorized');
      issuer = found;
      await authorizeRequest(issuer, request, bytes, this.clock.now());
      return await this.explainAnswer(issuer, question, scope);
    } catch (error) {
      const refused = error instanceof OcspRefusal || error instanceof IssuerExpiredError;
      const answer = refused ? findRefusal(error, this.config) : null;
      if (answer === null) throw error;
      return refusal(answer, await this.whyRefused(error, issuer, namedId), issuer, request);
    }
  }

  /**
   * @param issuer null when none was found that answers for what was asked
   * @param namedId the issuer whose address was used, if it is in the scope
   */
  private async whyRefused(error: unknown, issuer: IssuerIdentity | null, namedId: string | null): Promise<string> {
    if (issuer === null) {
      const named = namedId === null ? null : await this.directory.findById(namedId);
      return named === null || named.hasKey
        ? 'The CertID names no issuer of ours, or another than the address does.'
        : `${named.id} was imported without its private key: whoever has the key answers for it.`;
    }
    if (error instanceof IssuerExpiredError) return `${issuer.id} has expired: nobody can answer for it any more.`;
    if (error instanceof OcspRefusal && error.status === 'sigRequired') {
      return `${issuer.id} answers signed requests only.`;
    }
    return `The signature of the request is not one that ${issuer.id} accepts.`;
  }

  private async explainAnswer(issuer: IssuerIdentity, { request }: Question, scope: Scope): Promise<OcspExplanation> {
    const certificates = await Promise.all(request.certIds.map((certId) => this.describe(issuer, certId, scope)));
    const responder = await this.responders.get(issuer.id);
    const key = storedKey(issuer, request);
    const inMemory = key === null ? null : this.findInMemory(key);
    const stored = inMemory ?? (key === null ? null : await this.store.find(key, this.clock.now()));
    const [only, ...others] = certificates;
    const several = only === undefined || others.length > 0;
    return {
      answer: several ? 'several' : answerTo(only.status),
      why: several ? 'The request names several certificates: see each.' : only.why,
      issuer_id: issuer.id,
      certificates,
      layer: inMemory !== null ? 'memory' : stored !== null ? 'database' : 'signature',
      responder: {
        serial_number: formatSerialNumber(parseCertificateFields(responder.certificateDer).serialNumber),
        not_after: responder.notAfter.toISOString(),
      },
      nonce: request.nonce !== null,
      signed: request.signed,
      ...(stored === null ? NO_TIMES : timesOf(stored)),
    };
  }

  private async read(input: ExplainOcsp, scope: Scope): Promise<Question> {
    if ((input.request === undefined) === (input.serial_number === undefined)) {
      throw new DomainError('invalid_request', 'Send either a request or a serial_number.');
    }
    const issuerId = input.issuer_id ?? null;
    if (input.request !== undefined) return this.readBytes(Buffer.from(input.request, 'base64'), issuerId);
    if (issuerId === null) throw new DomainError('invalid_request', 'A serial_number needs its issuer_id.');
    const issuer = hasIssuer(scope, issuerId) ? await this.directory.findById(issuerId) : null;
    if (issuer === null) throw new DomainError('issuer_not_found', `There is no issuer ${issuerId}.`);
    const certId = buildCertId('sha1', issuer, parseSerialNumber(input.serial_number!));
    return { request: { certIds: [certId], nonce: null, signed: false }, bytes: null, issuerId };
  }

  private readBytes(bytes: Buffer, issuerId: string | null): Question {
    return { request: parseOcspRequest(bytes, { nonceMaxBytes: this.config.ocsp.nonceMax }), bytes, issuerId };
  }

  private async describe(
    issuer: IssuerIdentity,
    certId: CertId,
    scope: Scope,
  ): Promise<OcspExplanation['certificates'][number]> {
    const common = {
      serial_number: formatSerialNumber(certId.serialNumber),
      cert_id_algorithm: certId.algorithm,
    };
    const certificate = await this.certificates.findBySerialNumber(issuer.id, certId.serialNumber);
    if (certificate === null) {
      const why = `${issuer.id} never gave this serial number away.`;
      return { ...common, id: null, subject: null, status: 'unknown', why };
    }
    const { revokedAt, revocationReason, certificateDer, notAfter } = certificate;
    const { id, subject } = hasProfile(scope, certificate.profile) ? certificate : { id: null, subject: null };
    if (revokedAt !== null) {
      const why = `Revoked at ${revokedAt.toISOString()}, reason ${revocationReason}.`;
      return { ...common, id, subject, status: 'revoked', why };
    }
    if (certificateDer === null) {
      const why = 'The serial number is reserved: its certificate is being signed, or a crash left it behind.';
      return { ...common, id, subject, status: 'reserved', why };
    }
    const status = certificateStatus(certificate, this.clock.now());
    const expiry = status === 'expired' ? ` It expired at ${notAfter.toISOString()}; OCSP does not tell of that.` : '';
    return { ...common, id, subject, status, why: `Issued and not revoked.${expiry}` };
  }

  /** Without counting it: nobody is answered. */
  private findInMemory(key: OcspResponseKey): OcspAnswer | null {
    const answer = this.node.cache.find(formatResponseKey(key));
    return answer?.times && this.clock.now() < answer.times.refreshAt ? answer : null;
  }
}

/** Where the answer to a request lies ready; null when it is signed for this client alone. */
function storedKey(issuer: IssuerIdentity, { certIds, nonce }: OcspRequest): OcspResponseKey | null {
  const [certId, ...others] = certIds;
  if (nonce !== null || certId === undefined || others.length > 0) return null;
  return { issuerId: issuer.id, serialNumber: certId.serialNumber, algorithm: certId.algorithm };
}

function answerTo(status: OcspExplanation['certificates'][number]['status']): string {
  if (status === 'active' || status === 'expired') return 'good';
  return status === 'reserved' ? 'unknown' : status;
}

function timesOf(stored: OcspAnswer | NonNullable<OcspAnswer['times']>): Timing {
  const times = 'times' in stored ? stored.times : stored;
  if (times === null) return NO_TIMES;
  return {
    produced_at: times.producedAt.toISOString(),
    this_update: times.thisUpdate.toISOString(),
    next_update: times.nextUpdate.toISOString(),
    refresh_at: times.refreshAt.toISOString(),
  };
}

function whyMalformed(error: unknown, answer: OcspErrorStatus): string {
  const why = `The bytes are no OCSPRequest that is accepted: ${(error as Error).message}.`;
  return answer === 'malformedRequest' ? why : `${why} By CERTPLANE_OCSP_REFUSAL that is answered with ${answer}.`;
}

function refusal(
  answer: string,
  why: string,
  issuer: IssuerIdentity | null,
  request: OcspRequest | null,
): OcspExplanation {
  return {
    answer,
    why,
    issuer_id: issuer?.id ?? null,
    certificates: [],
    layer: null,
    responder: null,
    nonce: request !== null && request.nonce !== null,
    signed: request?.signed ?? false,
    ...NO_TIMES,
  };
}
