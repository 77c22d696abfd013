import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';

/** A handler under /.well-known/pki/, called before the framework is. It answers every request it is given, and never rejects. */
export interface PublicEndpoint {
  /** The path segment behind /.well-known/pki/, for example `ocsp`. */
  readonly segment: string;
  /** The OpenAPI description of its paths: the framework can't see them. */
  readonly openApiPaths: OpenAPIObject['paths'];
  /** @param rest what follows the segment in the path, undecoded, without its leading slash and without the query */
  handle(request: IncomingMessage, response: ServerResponse, rest: string): void;
}
