import { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { Strategy } from 'passport';
import type { ClientCertificateAuthentication } from './client-certificate-authentication.js';

/** Passport strategy for the certificate that the client presented in the TLS handshake (RFC 8446 section 4.4.2). */
export class ClientCertificateStrategy extends Strategy {
  override readonly name = 'client-certificate';

  constructor(private readonly certificates: ClientCertificateAuthentication) {
    super();
  }

  override authenticate(request: Request): void {
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) {
      this.fail('Bearer realm="certplane"', 401);
      return;
    }
    this.certificates.find(socket).then(
      (principal) => (principal === null ? this.fail('Bearer realm="certplane"', 401) : this.success(principal)),
      (error: unknown) => this.error(error),
    );
  }
}
