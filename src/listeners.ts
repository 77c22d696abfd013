import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constants } from 'node:crypto';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import type { INestApplication } from '@nestjs/common';
import { ClientCertificateAuthentication } from './access/client-certificate-authentication.js';
import { ServerCertificate, type TlsMaterial } from './control-plane/server-certificate.js';
import { CrlEndpoint } from './crl/crl.endpoint.js';
import { CaCertificateEndpoint } from './issuers/ca-certificate.endpoint.js';
import { OcspEndpoint } from './ocsp/ocsp.endpoint.js';
import type { Config } from './platform/config/env.js';
import { StartError } from './platform/errors/start-error.js';
import { LISTENER_LIMITS } from './platform/http/http-setup.js';
import { writeProblem } from './platform/http/public-answer.js';
import { createPublicRouter } from './platform/http/public-router.js';
import { identifyRequest } from './platform/http/request-id.js';
import { LOGGER, type Logger } from './platform/logging/logger.js';

/** What answers under /.well-known/pki/, on both listeners. */
export const PUBLIC_ENDPOINTS = [OcspEndpoint, CrlEndpoint, CaCertificateEndpoint] as const;

const TLS_RENEWAL_CHECK_MS = 3_600_000;

export interface Listeners {
  readonly https: HttpsServer;
  /** Null when the plain listener is off. */
  readonly pki: Server | null;
  /** Lets what is under way finish, for two seconds at the most. */
  close(): Promise<void>;
}

/**
 * Opens the HTTPS listener for everything and the plain one for relying parties alone. The relying parties' endpoints stand
 * in front of the framework, and the plain listener can't even reach it.
 */
export async function openListeners(nest: INestApplication, config: Config): Promise<Listeners> {
  const publicRouter = createPublicRouter(PUBLIC_ENDPOINTS.map((endpoint) => nest.get(endpoint)));
  const framework = nest.getHttpAdapter().getInstance() as (request: IncomingMessage, response: ServerResponse) => void;
  const serverCertificate = nest.get(ServerCertificate);
  const clientCas = await nest.get(ClientCertificateAuthentication).listTlsCas();

  const https = createHttpsServer(
    { ...LISTENER_LIMITS, ...tlsOptions(await serverCertificate.get(), clientCas) },
    (request, response) => {
      if (publicRouter(request, response)) return;
      identifyRequest(request, response);
      framework(request, response);
    },
  );
  await open(https, config.host, config.httpsPort, 'CERTPLANE_HTTPS_PORT');
  const renewal = setInterval(
    () => void renew(serverCertificate, clientCas, https, nest.get<Logger>(LOGGER)),
    TLS_RENEWAL_CHECK_MS,
  );
  const pki = config.pkiHttpPort === 0 ? null : createPkiServer(publicRouter);
  const close = async (): Promise<void> => {
    clearInterval(renewal);
    await Promise.all([shut(https), pki?.listening === true ? shut(pki) : undefined]);
  };
  try {
    if (pki !== null) await open(pki, config.host, config.pkiHttpPort, 'CERTPLANE_PKI_HTTP_PORT');
  } catch (error) {
    await close();
    throw error;
  }
  return { https, pki, close };
}

function createPkiServer(publicRouter: ReturnType<typeof createPublicRouter>): Server {
  return createHttpServer(LISTENER_LIMITS, (request, response) => {
    if (publicRouter(request, response)) return;
    writeProblem(request, response, 'not_found', 'Only /.well-known/pki/ is served here; the rest is on HTTPS.');
  });
}

/**
 * A client certificate is asked for, never demanded: who has none has an API key, or asks what is public. Sessions are not
 * resumed, for a resumed one no longer knows the chain that the client sent.
 */
function tlsOptions(material: TlsMaterial, clientCas: string[] | null): TlsOptions {
  const options: TlsOptions = { ...material, minVersion: 'TLSv1.3' };
  if (clientCas === null) return options;
  return {
    ...options,
    requestCert: true,
    rejectUnauthorized: false,
    ca: clientCas,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** Takes up a renewed certificate without dropping a connection. */
async function renew(
  serverCertificate: ServerCertificate,
  clientCas: string[] | null,
  https: HttpsServer,
  logger: Logger,
): Promise<void> {
  try {
    https.setSecureContext(tlsOptions(await serverCertificate.get(), clientCas));
  } catch (error) {
    logger.error({ err: error }, 'the TLS certificate could not be renewed; the old one stays');
  }
}

function open(server: Server, host: string, port: number, variable: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE' ? `port ${port} on ${host} is in use: set ${variable} to another` : error.message;
      reject(new StartError(`Can't listen: ${hint}.`, error));
    });
    server.listen(port, host, resolve);
  });
}

const SHUTDOWN_GRACE_MS = 2000;

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
