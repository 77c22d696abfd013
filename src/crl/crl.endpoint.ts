import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { IssuerDirectory } from '../issuers/issuer-directory.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { selectRange, type ByteRange } from '../platform/http/byte-range.js';
import { acceptsGzip } from '../platform/http/content-coding.js';
import { problemOf } from '../platform/http/problem.js';
import { judgeConditions, writeProblem } from '../platform/http/public-answer.js';
import type { PublicEndpoint } from '../platform/http/public-endpoint.js';
import { sliceChunks, writeSlices } from '../platform/http/sliced-body.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CrlHeaders, validatorsOf } from './crl-headers.js';
import { CrlMetrics } from './crl.metrics.js';
import { CRL_PATHS } from './crl.openapi.js';
import { findCrlPath, type CrlPath } from './crl-path.js';
import type { CrlDescription, CrlRepresentation, PublishedCrl } from './crl-representation.js';
import { CrlRepresentations } from './crl-representations.js';
import { PublishedCrls } from './published-crl.js';

type Wanted = NonNullable<CrlPath['wanted']>;

/** How often a CRL may be replaced while it is being read for one client. */
const TRIES = 5;
const OUTAGE_LOG_GAP_MS = 60_000;
const RETRY_AFTER = { crl_not_ready: '2', database_unavailable: '5', internal_error: '5' } as const;

/** GET and HEAD /.well-known/pki/crl/…: what the CRL distribution point of a certificate names. */
@Injectable()
export class CrlEndpoint implements PublicEndpoint {
  readonly segment = 'crl';
  readonly openApiPaths = CRL_PATHS;
  private outageLoggedMs = -Infinity;

  constructor(
    private readonly directory: IssuerDirectory,
    private readonly crls: PublishedCrls,
    private readonly representations: CrlRepresentations,
    private readonly headers: CrlHeaders,
    private readonly metrics: CrlMetrics,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    response.once('finish', () => this.metrics.requests.inc({ status: String(response.statusCode) }));
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      writeProblem(request, response, 'method_not_allowed', 'Ask with GET or HEAD.', { Allow: 'GET, HEAD' });
      return;
    }
    this.answer(request, response, rest).catch((error: unknown) => this.fail(request, response, error));
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const { code, detail } = problemOf(error);
    if (code === 'internal_error') this.logger.error({ err: error }, 'a CRL could not be served');
    if (code === 'database_unavailable') this.logOutage(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const wait = code in RETRY_AFTER ? { 'Retry-After': RETRY_AFTER[code as keyof typeof RETRY_AFTER] } : {};
    writeProblem(request, response, code, detail, wait);
  }

  private async answer(request: IncomingMessage, response: ServerResponse, rest: string): Promise<void> {
    const wanted = await this.findWanted(rest);
    try {
      for (let tries = 1; tries <= TRIES; tries++) {
        if (await this.send(request, response, await this.crls.get(wanted.scope), wanted)) return;
      }
    } catch (error) {
      const inMemory = this.representations.findValid(wanted.scope) !== null;
      if (error instanceof DomainError || response.headersSent || !inMemory) throw error;
      this.logOutage(error);
    }
    const held = this.representations.findValid(wanted.scope);
    if (held !== null && (await this.send(request, response, held, wanted))) return;
    throw new DomainError('crl_not_ready', 'The CRL is being replaced. Ask again.');
  }

  private async findWanted(rest: string): Promise<Wanted> {
    const path = findCrlPath(rest);
    const issuer = path === null ? null : await this.directory.findById(path.issuerId);
    if (path === null || issuer === null) throw new DomainError('issuer_not_found', 'There is no such issuer.');
    if (!issuer.hasKey) {
      throw new DomainError(
        'crl_published_elsewhere',
        'The key of this issuer is elsewhere, and so is its CRL: the CRL distribution point of its certificates says where.',
      );
    }
    if (path.wanted === null) {
      throw new DomainError('crl_not_found', 'There is no such CRL: ask for the issuer, a shard of it, or its delta.');
    }
    return path.wanted;
  }

  /** False when the CRL was replaced before it was read. */
  private async send(
    request: IncomingMessage,
    response: ServerResponse,
    crl: PublishedCrl,
    { form }: Wanted,
  ): Promise<boolean> {
    const variant = this.representations.choose(crl, form, acceptsGzip(request));
    const description = await this.representations.describe(crl, variant);
    if (description === null) return false;
    if (this.answerWithoutBody(request, response, description)) return true;
    const { length } = description;
    const range = selectRange(request, length, validatorsOf(description));
    if (range === 'unsatisfiable') {
      const headers = { 'Content-Range': `bytes */${length}` };
      writeProblem(request, response, 'range_not_satisfiable', `The CRL has ${length} bytes.`, headers);
      return true;
    }
    const representation = await this.representations.open(crl, variant);
    if (representation !== null) this.sendBody(request, response, representation, range);
    return representation !== null;
  }

  /** What the client's conditions decide, and HEAD. */
  private answerWithoutBody(request: IncomingMessage, response: ServerResponse, description: CrlDescription): boolean {
    const condition = judgeConditions(request, validatorsOf(description));
    if (condition === 304) {
      response.writeHead(304, this.headers.ofCaching(description)).end();
    } else if (condition === 412) {
      writeProblem(request, response, 'precondition_failed', 'The CRL is another one by now.');
    } else if (request.method === 'HEAD') {
      response.writeHead(200, { ...this.headers.ofContent(description), 'Content-Length': description.length }).end();
    }
    return condition !== null || request.method === 'HEAD';
  }

  private sendBody(
    request: IncomingMessage,
    response: ServerResponse,
    representation: CrlRepresentation,
    part: ByteRange | null,
  ): void {
    if (request.socket.destroyed) return;
    const { length, chunks } = representation;
    const range = part ?? { start: 0, end: length };
    response.writeHead(part === null ? 200 : 206, {
      ...this.headers.ofContent(representation),
      'Content-Length': range.end - range.start,
      ...(part === null ? {} : { 'Content-Range': `bytes ${range.start}-${range.end - 1}/${length}` }),
    });
    const giveBack = this.representations.lend(representation, () => response.destroy());
    writeSlices(request, response, sliceChunks(chunks, range), giveBack);
  }

  /** An outage would fill the log at the pace of the requests. */
  private logOutage(error: unknown): void {
    if (performance.now() - this.outageLoggedMs < OUTAGE_LOG_GAP_MS) return;
    this.outageLoggedMs = performance.now();
    this.logger.error(
      { err: error },
      'the database can not be asked which CRL is published; those in memory are served',
    );
  }
}
