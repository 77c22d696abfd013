import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { IssuerDirectory } from '../issuers/issuer-directory.js';
import { buildCertId } from '../pki/cert-id.js';
import { parseOcspRequest, type OcspRequest } from '../pki/ocsp-request.js';
import { ocspErrorResponse, type OcspErrorStatus } from '../pki/ocsp-response.js';
import { parseSerialNumber } from '../pki/serial-number.js';
import { Clock } from '../platform/clock/clock.js';
import { withDeadline } from '../platform/clock/deadline.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { isDatabaseUnavailable } from '../platform/database/database-error.js';
import { matchesEtag, writeProblem } from '../platform/http/public-answer.js';
import { createClientAddressResolver, type ClientAddressResolver } from '../platform/http/client-address.js';
import type { PublicEndpoint } from '../platform/http/public-endpoint.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import type { Tally } from '../platform/metrics/tallied-counter.js';
import { SourceRateLimiter } from '../platform/rate-limit/source-rate-limiter.js';
import { OCSP_RESPONSE_CONTENT_TYPE, type OcspAnswer } from './ocsp-answer.js';
import { findGetRequest, findOcspPath, isShortForm, readBody, type OcspPath } from './ocsp-http.js';
import { OcspMetrics } from './ocsp.metrics.js';
import { OCSP_PATHS } from './ocsp.openapi.js';
import { configuredRefusal, findRefusal, OcspRefusal } from './ocsp-refusal.js';
import { OcspService } from './ocsp.service.js';

/** CA/B BR 4.9.9 gives ten seconds for an answer. */
const DEADLINE_MS = 8000;
const RETRY_AFTER_SECONDS = 5;
/** One MiB of memory. */
const RATE_LIMIT_SOURCES = 65_536;

type Method = 'GET' | 'POST';

/** One request on its way to its answer. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: Method;
  /** Monotonic milliseconds: when its last byte was there. */
  startedMs: number;
}

/**
 * GET and POST /.well-known/pki/ocsp (RFC 6960 appendix A). Every OCSP answer, a refusal too, has the HTTP status 200.
 * An answer that lies in memory is sent at once, without a promise.
 */
@Injectable()
export class OcspEndpoint implements PublicEndpoint {
  readonly segment = 'ocsp';
  readonly openApiPaths = OCSP_PATHS;
  /** By method and status. */
  private readonly tallies = { GET: new Map<string, Tally>(), POST: new Map<string, Tally>() };
  private readonly limiter: SourceRateLimiter;
  private readonly addressOf: ClientAddressResolver;

  constructor(
    private readonly ocsp: OcspService,
    private readonly directory: IssuerDirectory,
    private readonly metrics: OcspMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {
    this.addressOf = createClientAddressResolver(config.trustedProxies);
    this.limiter = new SourceRateLimiter({
      perMinute: config.ocsp.rateLimitPerMinute,
      maxSources: RATE_LIMIT_SOURCES,
      nowMs: () => performance.now(),
    });
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    if (!this.config.ocsp.enabled) {
      writeProblem(request, response, 'not_found', 'OCSP is turned off here: use the CRL.');
      return;
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== 'GET' && method !== 'POST') {
      writeProblem(request, response, 'method_not_allowed', 'Ask with GET or POST.', { Allow: 'GET, HEAD, POST' });
      return;
    }
    const exchange: Exchange = { request, response, method, startedMs: performance.now() };
    const waitSeconds = this.limiter.take(this.addressOf(request));
    const path = findOcspPath(rest);
    if (waitSeconds > 0) {
      this.metrics.count('rate_limited');
      this.refuse(exchange, configuredRefusal(this.config, 'tryLater'), waitSeconds);
    } else if (path === null || (method === 'POST' && path.rest !== '')) {
      this.refuse(exchange, 'malformedRequest');
    } else if (method === 'POST') {
      readBody(request, (body) => {
        exchange.startedMs = performance.now();
        this.answerBytes(exchange, path.issuerId, body);
      });
    } else if (path.issuerId !== null && isShortForm(path.rest)) {
      this.answerLater(exchange, this.answerShortForm(path.issuerId, path));
    } else {
      this.answerBytes(exchange, path.issuerId, findGetRequest(path.rest));
    }
  }

  private answerBytes(exchange: Exchange, issuerId: string | null, bytes: Buffer | null): void {
    let request: OcspRequest;
    try {
      if (bytes === null) throw new OcspRefusal('malformedRequest');
      request = parseOcspRequest(bytes, { nonceMaxBytes: this.config.ocsp.nonceMax });
    } catch (error) {
      this.refuse(exchange, this.refusalOf(error));
      return;
    }
    const nowMs = this.clock.now().getTime();
    const answer = this.ocsp.findInMemory(request, issuerId, nowMs);
    if (answer !== null) this.send(exchange, answer, nowMs);
    else this.answerLater(exchange, this.ocsp.answer(request, issuerId, bytes));
  }

  private answerLater(exchange: Exchange, answer: Promise<OcspAnswer>): void {
    withDeadline(answer, DEADLINE_MS, tooLate).then(
      (found) => this.send(exchange, found),
      (error: unknown) => this.refuse(exchange, this.refusalOf(error)),
    );
  }

  /** The short form names no hash algorithm: SHA-1, which most clients look for when they name none. */
  private async answerShortForm(issuerId: string, { rest }: OcspPath): Promise<OcspAnswer> {
    const issuer = await this.directory.findById(issuerId);
    if (issuer === null) throw new OcspRefusal('unauthorized');
    const request = { certIds: [buildCertId('sha1', issuer, parseSerialNumber(rest))], nonce: null, signed: false };
    return this.ocsp.findInMemory(request, issuerId) ?? this.ocsp.answer(request, issuerId, null);
  }

  private send(
    { request, response, method, startedMs }: Exchange,
    answer: OcspAnswer,
    nowMs = this.clock.now().getTime(),
  ): void {
    this.count(method, answer.status, startedMs);
    if (response.destroyed) return;
    const { httpMaxAge } = this.config;
    if (method === 'GET' && answer.times !== null && matchesEtag(request, answer.etag)) {
      response.writeHead(304, answer.notModifiedHeaders(nowMs, httpMaxAge)).end();
      return;
    }
    response.writeHead(200, answer.rawHeaders(nowMs, httpMaxAge));
    response.end(request.method === 'HEAD' ? undefined : answer.der);
  }

  private refuse(
    { request, response, method, startedMs }: Exchange,
    status: OcspErrorStatus,
    retryAfter?: number,
  ): void {
    this.count(method, status, startedMs);
    if (response.destroyed) return;
    const der = ocspErrorResponse(status);
    const wait = retryAfter ?? (status === 'tryLater' ? RETRY_AFTER_SECONDS : null);
    response.writeHead(200, {
      'Content-Type': OCSP_RESPONSE_CONTENT_TYPE,
      'Content-Length': der.length,
      'Cache-Control': 'no-store',
      ...(wait === null ? {} : { 'Retry-After': String(wait) }),
      // The rest of a body that was not read to its end would be taken for the next request.
      ...(request.complete ? {} : { Connection: 'close' }),
    });
    response.end(request.method === 'HEAD' ? undefined : der);
  }

  private count(method: Method, status: string, startedMs: number): void {
    const tallies = this.tallies[method];
    let tally = tallies.get(status);
    if (tally === undefined) tallies.set(status, (tally = this.metrics.requests.tally({ method, status })));
    tally.count += 1;
    this.metrics.seconds.observe((performance.now() - startedMs) / 1000);
  }

  private refusalOf(error: unknown): OcspErrorStatus {
    const refusal = findRefusal(error, this.config);
    if (refusal !== null) return refusal;
    this.logger.error({ err: error }, 'an OCSP request could not be answered');
    return isDatabaseUnavailable(error) ? 'tryLater' : 'internalError';
  }
}

function tooLate(): never {
  throw new OcspRefusal('tryLater');
}
