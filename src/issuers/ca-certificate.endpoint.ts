import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { buildCertificatesOnlyPkcs7 } from '../pki/certificates-only-pkcs7.js';
import { formatPem } from '../pki/pem.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { matchesEtag, writeBody, writeProblem } from '../platform/http/public-answer.js';
import type { PublicEndpoint } from '../platform/http/public-endpoint.js';
import { problemOf } from '../platform/http/problem.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CA_CERTIFICATE_PATHS } from './ca-certificate.openapi.js';
import { IssuerDirectory, type IssuerIdentity } from './issuer-directory.js';

/** GET and HEAD /.well-known/pki/ca/{issuer_id}: what AIA caIssuers points to (RFC 5280 section 4.2.2.1). */
@Injectable()
export class CaCertificateEndpoint implements PublicEndpoint {
  readonly segment = 'ca';
  readonly openApiPaths = CA_CERTIFICATE_PATHS;

  constructor(
    private readonly directory: IssuerDirectory,
    @Inject(CONFIG) private readonly config: Config,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      writeProblem(request, response, 'method_not_allowed', 'Ask with GET or HEAD.', { Allow: 'GET, HEAD' });
      return;
    }
    this.answer(request, response, rest).catch((error: unknown) => {
      const { code, detail } = problemOf(error);
      this.logger.error({ err: error }, 'a CA certificate could not be served');
      writeProblem(request, response, code, detail);
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse, rest: string): Promise<void> {
    const match = /^([a-z0-9-]{1,63})(?:\.(der|cer|crt|pem|p7c))?$/.exec(rest);
    const issuer = match === null ? null : await this.directory.findById(match[1]!);
    if (issuer === null) {
      writeProblem(request, response, 'issuer_not_found', 'There is no such issuer.');
      return;
    }
    const { body, contentType } = render(issuer, match?.[2] ?? 'der');
    const etag = `"${createHash('sha256').update(body).digest('hex')}"`;
    const headers: OutgoingHttpHeaders = {
      'Content-Type': contentType,
      ETag: etag,
      'Cache-Control': `max-age=${this.config.httpMaxAge}, public, no-transform`,
    };
    if (matchesEtag(request, etag)) response.writeHead(304, headers).end();
    else writeBody(request, response, 200, body, headers);
  }
}

function render(issuer: IssuerIdentity, form: string): { body: Buffer; contentType: string } {
  switch (form) {
    case 'pem':
      return {
        body: Buffer.from(formatPem('CERTIFICATE', issuer.certificateDer)),
        contentType: 'application/x-pem-file',
      };
    case 'p7c':
      return {
        body: buildCertificatesOnlyPkcs7([issuer.certificateDer, ...issuer.chainDer]),
        contentType: 'application/pkcs7-mime; smime-type=certs-only',
      };
    default:
      return { body: issuer.certificateDer, contentType: 'application/pkix-cert' };
  }
}
