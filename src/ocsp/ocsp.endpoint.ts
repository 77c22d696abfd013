import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { IssuerDirectory } from '../issuers/issuer-directory.js';
import { buildCertId } from '../pki/cert-id.js';
import { OcspRequestError, parseOcspRequest, type OcspRequest } from '../pki/ocsp-request.js';
import { ocspErrorResponse, type OcspErrorStatus } from '../pki/ocsp-response.js';
import { PkiError } from '../pki/pki-error.js';
import { parseSerialNumber } from '../pki/serial-number.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { isDatabaseUnavailable } from '../platform/database/database-error.js';
import { cachingHeaders, matchesEtag, writeBody, writeProblem } from '../platform/http/public-answer.js';
import type { PublicEndpoint } from '../platform/http/public-endpoint.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OCSP_PATHS } from './ocsp.openapi.js';
import { findGetRequest, findOcspPath, isShortForm, readBody } from './ocsp-http.js';
import { IssuerExpiredError } from './ocsp-responders.service.js';
import { etagOf, OcspRefusal, OcspService, type OcspAnswer } from './ocsp.service.js';

const CONTENT_TYPE = 'application/ocsp-response';
/** CA/B BR 4.9.9 gives ten seconds for an answer. */
const DEADLINE_MS = 8000;

/** GET and POST /.well-known/pki/ocsp (RFC 6960 appendix A). Every OCSP answer, a refusal too, has the HTTP status 200. */
@Injectable()
export class OcspEndpoint implements PublicEndpoint {
  readonly segment = 'ocsp';
  readonly openApiPaths = OCSP_PATHS;

  constructor(
    private readonly ocsp: OcspService,
    private readonly directory: IssuerDirectory,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    if (method !== 'GET' && method !== 'POST') {
      writeProblem(request, response, 'method_not_allowed', 'Ask with GET or POST.', { Allow: 'GET, HEAD, POST' });
      return;
    }
    const stopTimer = this.metrics.seconds.startTimer();
    void withDeadline(this.answer(request, method, rest), DEADLINE_MS)
      .then(
        (answer) => this.send(request, response, method, answer),
        (error: unknown) => this.refuse(request, response, method, this.refusalOf(error)),
      )
      .finally(stopTimer);
  }

  private async answer(request: IncomingMessage, method: string, path: string): Promise<OcspAnswer> {
    const found = findOcspPath(path);
    if (found === null) throw new OcspRefusal('malformedRequest');
    if (method === 'POST') {
      if (found.rest !== '') throw new OcspRefusal('malformedRequest');
      return this.ocsp.answer(this.parse(await readBody(request)), found.issuerId);
    }
    const ocspRequest =
      found.issuerId !== null && isShortForm(found.rest)
        ? await this.shortForm(found.issuerId, found.rest)
        : this.parse(findGetRequest(found.rest));
    return this.ocsp.answer(ocspRequest, found.issuerId);
  }

  private parse(bytes: Buffer | null): OcspRequest {
    if (bytes === null) throw new OcspRefusal('malformedRequest');
    return parseOcspRequest(bytes, { nonceMaxBytes: this.config.ocsp.nonceMax });
  }

  /** The short form names no hash algorithm: SHA-1, which most clients look for when they name none. */
  private async shortForm(issuerId: string, text: string): Promise<OcspRequest> {
    const issuer = await this.directory.findById(issuerId);
    if (issuer === null) throw new OcspRefusal('unauthorized');
    return { certIds: [buildCertId('sha1', issuer, parseSerialNumber(text))], nonce: null, signed: false };
  }

  private send(request: IncomingMessage, response: ServerResponse, method: string, answer: OcspAnswer): void {
    this.metrics.requests.inc({ method, status: answer.status });
    if (response.destroyed) return;
    const headers: OutgoingHttpHeaders = { 'Content-Type': CONTENT_TYPE, ...this.cacheHeaders(answer) };
    if (method === 'GET' && answer.cacheable !== null && matchesEtag(request, String(headers['ETag']))) {
      response.writeHead(304, headers).end();
      return;
    }
    writeBody(request, response, 200, answer.der, headers);
  }

  private cacheHeaders({ cacheable, der }: OcspAnswer): OutgoingHttpHeaders {
    if (cacheable === null) return { 'Cache-Control': 'no-store' };
    const untilRefresh = Math.floor((cacheable.refreshAt.getTime() - this.clock.now().getTime()) / 1000);
    return cachingHeaders({
      etag: etagOf(der),
      lastModified: cacheable.thisUpdate,
      expires: cacheable.nextUpdate,
      maxAge: Math.max(0, Math.min(this.config.httpMaxAge, untilRefresh)),
    });
  }

  private refuse(request: IncomingMessage, response: ServerResponse, method: string, status: OcspErrorStatus): void {
    this.metrics.requests.inc({ method, status });
    if (response.destroyed) return;
    // The rest of a body that was not read to its end would be taken for the next request.
    const close = !request.complete;
    writeBody(request, response, 200, ocspErrorResponse(status), {
      'Content-Type': CONTENT_TYPE,
      'Cache-Control': 'no-store',
      ...(status === 'tryLater' ? { 'Retry-After': '5' } : {}),
      ...(close ? { Connection: 'close' } : {}),
    });
  }

  private refusalOf(error: unknown): OcspErrorStatus {
    if (error instanceof OcspRefusal) return error.status;
    if (error instanceof OcspRequestError || error instanceof PkiError) return 'malformedRequest';
    if (error instanceof IssuerExpiredError) return 'unauthorized';
    this.logger.error({ err: error }, 'an OCSP request could not be answered');
    return isDatabaseUnavailable(error) ? 'tryLater' : 'internalError';
  }
}

async function withDeadline<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OcspRefusal('tryLater')), milliseconds);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
