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
  app.useBodyParser('raw', { limit: OCSP_REQUEST_LIMIT, type: OCSP_REQUEST_TYPE });
  app.use(wrapOcspRequest);
  app.useBodyParser('json', { limit: maxBodyBytes, type: () => true });
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

function hasBody(request: Request): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
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

/** A POST whose members are all optional needs no body. */
function absentBodyIsEmpty(request: Request, _: Response, next: NextFunction): void {
  if (!hasBody(request)) request.body = {};
  next();
}
