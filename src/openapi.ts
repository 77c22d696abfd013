import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { PROBLEM } from './platform/http/api-problems.js';
import type { PublicEndpoint } from './platform/http/public-endpoint.js';
import { VERSION } from './version.js';

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
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key.' }, 'api_key')
    .addSecurityRequirements('api_key')
    .build();
  const document = SwaggerModule.createDocument(app, options);
  const { $schema: _, ...problem } = z.toJSONSchema(PROBLEM) as Record<string, unknown>;
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: problem },
  };
  for (const { openApiPaths } of endpoints) Object.assign(document.paths, openApiPaths);
  return document;
}
