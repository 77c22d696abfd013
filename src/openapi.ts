import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { describeManners } from './platform/http/api-manners.js';
import { PROBLEM } from './platform/http/api-problems.js';
import type { PublicEndpoint } from './platform/http/public-endpoint.js';
import { VERSION } from './version.js';

const API_KEY = 'api_key';
const CLIENT_CERTIFICATE = 'client_certificate';
/** OpenAPI 3.1; the framework's types are of 3.0. */
const MUTUAL_TLS = {
  type: 'mutualTLS',
  description: 'A client certificate, where CERTPLANE_CLIENT_CA_FILE is set. Beside an API key it is not looked at.',
} as unknown as SecurityScheme;

type SecurityScheme = Parameters<DocumentBuilder['addSecurity']>[1];

/** Describes everything that answers: the controllers, and the relying parties' endpoints that the framework can't see. */
export function createOpenApiDocument(
  app: INestApplication,
  endpoints: readonly Pick<PublicEndpoint, 'openApiPaths'>[],
): OpenAPIObject {
  const options = new DocumentBuilder()
    .setTitle('Certplane')
    .setDescription('A certificate authority control plane: issue, revoke, and tell relying parties so.')
    .setVersion(VERSION)
    .setOpenAPIVersion('3.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addSecurity(API_KEY, { type: 'http', scheme: 'bearer', description: 'An API key.' })
    .addSecurity(CLIENT_CERTIFICATE, MUTUAL_TLS)
    .addSecurityRequirements(API_KEY)
    .addSecurityRequirements(CLIENT_CERTIFICATE)
    .build();
  const document = SwaggerModule.createDocument(app, options);
  const { $schema: _, ...problem } = z.toJSONSchema(PROBLEM) as Record<string, unknown>;
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: problem },
  };
  for (const { openApiPaths } of endpoints) Object.assign(document.paths, structuredClone(openApiPaths));
  describeManners(document);
  return document;
}
