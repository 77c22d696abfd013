import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { IssuerDirectory } from '../issuers/issuer-directory.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { problemOf } from '../platform/http/problem.js';
import {
  cachingHeaders,
  matchesEtag,
  notModifiedSince,
  writeBody,
  writeProblem,
} from '../platform/http/public-answer.js';
import type { PublicEndpoint } from '../platform/http/public-endpoint.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlMetrics } from './crl.metrics.js';
import { CRL_PATHS } from './crl.openapi.js';
import { CrlScheduler } from './crl.scheduler.js';
import { PublishedCrls, type PublishedCrl } from './published-crl.js';

/** GET and HEAD /.well-known/pki/crl/{issuer_id}: what the CRL distribution point of a certificate names. */
@Injectable()
export class CrlEndpoint implements PublicEndpoint {
  readonly segment = 'crl';
  readonly openApiPaths = CRL_PATHS;

  constructor(
    private readonly directory: IssuerDirectory,
    private readonly crls: PublishedCrls,
    private readonly scheduler: CrlScheduler,
    private readonly metrics: CrlMetrics,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    response.once('finish', () => this.metrics.requests.inc({ status: String(response.statusCode) }));
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      writeProblem(request, response, 'method_not_allowed', 'Ask with GET or HEAD.', { Allow: 'GET, HEAD' });
      return;
    }
    this.answer(request, response, rest).catch((error: unknown) => {
      const { code, detail } = problemOf(error);
      this.logger.error({ err: error }, 'a CRL could not be served');
      writeProblem(request, response, code, detail, { 'Retry-After': '5' });
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse, rest: string): Promise<void> {
    const issuerId = /^([a-z0-9-]{1,63})(?:\.crl)?$/.exec(rest)?.[1];
    const issuer = issuerId === undefined ? null : await this.directory.findById(issuerId);
    if (issuer === null) {
      writeProblem(request, response, 'issuer_not_found', 'There is no such issuer.');
      return;
    }
    const crl = (await this.crls.find(issuer.id)) ?? (await this.buildFirst(issuer.id));
    if (crl === null)
      writeProblem(request, response, 'crl_not_ready', 'The first CRL is being built. Ask again.', {
        'Retry-After': '2',
      });
    else await this.send(request, response, crl);
  }

  /** A new issuer's CRL is asked for before the schedule came by. */
  private async buildFirst(issuerId: string): Promise<PublishedCrl | null> {
    await this.scheduler.buildIfDue(issuerId);
    return this.crls.find(issuerId);
  }

  private async send(request: IncomingMessage, response: ServerResponse, crl: PublishedCrl): Promise<void> {
    const gzipped = acceptsGzip(request);
    const etag = `"${crl.sha256}${gzipped ? '-gzip' : ''}"`;
    const left = Math.floor((crl.nextUpdate.getTime() - this.clock.now().getTime()) / 1000);
    const headers: OutgoingHttpHeaders = {
      'Content-Type': 'application/pkix-crl',
      Vary: 'Accept-Encoding',
      ...cachingHeaders({
        etag,
        lastModified: crl.thisUpdate,
        expires: crl.nextUpdate,
        maxAge: Math.max(0, Math.min(this.config.httpMaxAge, left)),
      }),
    };
    if (matchesEtag(request, etag) || notModifiedSince(request, crl.thisUpdate)) {
      response.writeHead(304, headers).end();
      return;
    }
    const body = gzipped ? await crl.gzip() : crl.der;
    writeBody(request, response, 200, body, { ...headers, ...(gzipped ? { 'Content-Encoding': 'gzip' } : {}) });
  }
}

/** True when Accept-Encoding names gzip and does not forbid it (RFC 9110 section 12.5.3). */
function acceptsGzip(request: IncomingMessage): boolean {
  const header = request.headers['accept-encoding'];
  if (typeof header !== 'string') return false;
  return header.split(',').some((coding) => {
    const [name, ...parameters] = coding.trim().toLowerCase().split(';');
    return name?.trim() === 'gzip' && !parameters.some((parameter) => /^\s*q=0(\.0*)?\s*$/.test(parameter));
  });
}
