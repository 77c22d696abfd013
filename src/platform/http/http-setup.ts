import type { IncomingMessage } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { DomainError } from '../errors/domain-error.js';

/** What a peer may take its time for, in milliseconds, and how much it may send before it is heard. */
export const LISTENER_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 48 * 1024,
} as const;

const OCSP_REQUEST_TYPE = 'application/ocsp-request';
const OCSP_REQUEST_LIMIT = '10kb';
const BODY_DEPTH_MAX = 32;

/** Everything between the listener and the controllers. */
export function configureHttp(app: NestExpressApplication, maxBodyBytes: number): void {
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.use(
    helmet({
      contentSecurityPolicy: {
        // The page of the OpenAPI document sets styles in its elements.
        directives: {
          'default-src': ["'self'"],
          'style-src': ["'self'", "'unsafe-inline'"],
          'img-src': ["'self'", 'data:'],
        },
      },
    }),
  );
  app.use(neverCache);
  app.use(onlyWellFormedPaths);
  app.use(onlyKnownBodies);
  app.useBodyParser('raw', { limit: OCSP_REQUEST_LIMIT, type: isOcspRequest });
  app.use(wrapOcspRequest);
  app.useBodyParser('json', { limit: maxBodyBytes, type: hasBody });
  app.use(onlyShallowBodies);
  app.use(absentBodyIsEmpty);
}

function neverCache(_: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** The router would fail on a stray percent sign, and the fault would look like one of the body. */
function onlyWellFormedPaths(request: Request, _: Response, next: NextFunction): void {
  try {
    decodeURIComponent(request.path);
    next();
  } catch {
    next(new DomainError('invalid_request', 'The path is not percent-encoded UTF-8.'));
  }
}

/** The content of a GET means nothing (RFC 9110 section 9.3.1), and is not read. */
function hasBody(request: IncomingMessage): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false;
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function isOcspRequest(request: IncomingMessage): boolean {
  return hasBody(request) && (request as Request).is(OCSP_REQUEST_TYPE) !== false;
}

function onlyKnownBodies(request: Request, _: Response, next: NextFunction): void {
  const known = request.is(['application/json', 'application/*+json', OCSP_REQUEST_TYPE]);
  if (!hasBody(request) || known) next();
  else next(new DomainError('unsupported_media_type', 'The request body must be application/json in UTF-8.'));
}

/** A request in DER is the JSON member `request` in base64: one form for who handles it, and refused where it is not known. */
function wrapOcspRequest(request: Request, _: Response, next: NextFunction): void {
  const body: unknown = request.body;
  if (Buffer.isBuffer(body)) request.body = { request: body.toString('base64') };
  next();
}

/** Whatever goes through a value by calling itself would run out of stack. Nothing of ours is nested deeper than this. */
function onlyShallowBodies(request: Request, _: Response, next: NextFunction): void {
  if (!isDeeperThan(request.body, BODY_DEPTH_MAX)) next();
  else next(new DomainError('invalid_json', `The request body is nested deeper than ${BODY_DEPTH_MAX} levels.`));
}

function isDeeperThan(value: unknown, levels: number): boolean {
  let level = [value];
  for (let depth = 0; depth <= levels && level.length > 0; depth++) {
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return level.length > 0;
}

/** A POST whose members are all optional needs no body. */
function absentBodyIsEmpty(request: Request, _: Response, next: NextFunction): void {
  if (!hasBody(request)) request.body = {};
  next();
}
