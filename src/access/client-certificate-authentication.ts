import type { TLSSocket } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { CertificateStatusService } from '../certificates/certificate-status.service.js';
import { IssuerDirectory, type IssuerIdentity } from '../issuers/issuer-directory.js';
import { buildCertId } from '../pki/cert-id.js';
import type { CertificateFields } from '../pki/certificate-fields.js';
import { parseClientCertificate, type ClientCertificate } from '../pki/client-certificate.js';
import { formatDistinguishedName } from '../pki/distinguished-name.js';
import { formatPem } from '../pki/pem.js';
import { PkiError } from '../pki/pki-error.js';
import { Clock } from '../platform/clock/clock.js';
import { DomainError } from '../platform/errors/domain-error.js';
import { StartError } from '../platform/errors/start-error.js';
import type { Principal } from '../platform/http/caller.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { CLIENT_ACCESS, type ClientAccess } from './client-access.js';
import { findClientChain, listPeerCertificates, type ChainLink } from './client-chain.js';
import { ClientCrls } from './client-crls.js';
import { findClientRole } from './client-roles.js';

/** What a connection's certificate means, as far as that can't change while it lasts. */
interface Presented {
  readonly certificate: ClientCertificate;
  readonly chain: readonly ChainLink[];
  readonly principal: Principal;
}

/** Finds who presents a client certificate. In doubt nobody: what can't be told to be good is refused. */
@Injectable()
export class ClientCertificateAuthentication {
  private readonly presented = new WeakMap<TLSSocket, Presented>();
  private readonly crls: ClientCrls | null;

  constructor(
    @Inject(CLIENT_ACCESS) private readonly access: ClientAccess | null,
    private readonly directory: IssuerDirectory,
    private readonly statuses: CertificateStatusService,
    private readonly clock: Clock,
    @InjectLogger() logger: Logger,
  ) {
    const crlFile = access?.crlFile ?? null;
    this.crls = crlFile === null ? null : new ClientCrls(crlFile, logger);
  }

  /**
   * Null when none is presented, or none is asked for. Revocation is looked up for each request: a connection does not outlive it.
   * @throws DomainError unauthorized, which says why the certificate is not accepted; and what the database throws
   */
  async find(socket: TLSSocket): Promise<Principal | null> {
    const presented = await this.findPresented(socket);
    if (presented === null) return null;
    const { certificate, chain, principal } = presented;
    this.checkValidity([certificate.fields, ...chain.map(({ issuer }) => issuer)]);
    for (const link of chain) await this.checkRevocation(link);
    return principal;
  }

  /**
   * What TLS is to trust, PEM: the CAs of the file, and above an intermediate of ours the way up to its root, without which TLS
   * builds no chain. That somebody stands below a CA of the file itself is for {@link find} to see to.
   * @throws StartError when the way up from an intermediate of somebody else is not in the file
   */
  async listTlsCas(): Promise<string[] | null> {
    if (this.access === null) return null;
    const ders = this.access.cas.map(({ der }) => der);
    for (const { fields } of this.access.cas) {
      if (this.access.cas.some((ca) => ca.fields.subjectDer.equals(fields.issuerDer))) continue;
      const own = await this.findOwnIssuer(fields, fields.serialNumber);
      if (own === null || own.chainDer.length === 0) {
        const name = formatDistinguishedName(fields.subjectDer);
        throw new StartError(
          `CERTPLANE_CLIENT_CA_FILE: ${name} is an intermediate of a CA that is not ours: put those above it, up to the root, into the file.`,
        );
      }
      ders.push(...own.chainDer);
    }
    return ders.map((der) => formatPem('CERTIFICATE', der));
  }

  private async findPresented(socket: TLSSocket): Promise<Presented | null> {
    if (this.access === null) return null;
    const known = this.presented.get(socket);
    if (known !== undefined) return known;
    const sent = listPeerCertificates(socket);
    if (sent.length === 0) return null;
    const presented = await this.read(this.access, socket, sent);
    this.presented.set(socket, presented);
    return presented;
  }

  private async read(access: ClientAccess, socket: TLSSocket, sent: readonly Buffer[]): Promise<Presented> {
    if (!socket.authorized) refuse(`TLS does not trust it (${String(socket.authorizationError)})`);
    const certificate = parse(sent[0]!);
    if (!certificate.clientAuth) refuse('its extendedKeyUsage does not say clientAuth');
    const chain = await this.findChain(access, sent);
    if (chain === null || chain.length === 0) refuse('no CA of CERTPLANE_CLIENT_CA_FILE stands above it');
    const found = findClientRole(access.roles, certificate);
    if (found === null) refuse('CERTPLANE_CLIENT_ROLES_FILE gives it no role');
    const { name, role, scope } = found;
    return { certificate, chain, principal: { actor: `client-cert:${name}`, role, scope, expiresAt: null } };
  }

  /** Where it ends at an issuer of ours, what is above that one is known here, whether it was sent or not. */
  private async findChain(access: ClientAccess, sent: readonly Buffer[]): Promise<readonly ChainLink[] | null> {
    const chain = await findClientChain(sent, access.cas);
    const top = chain?.at(-1)?.issuer;
    if (top === undefined || top.subjectDer.equals(top.issuerDer)) return chain;
    const own = await this.findOwnIssuer(top, top.serialNumber);
    return own === null ? chain : findClientChain([...sent, ...own.chainDer], access.cas);
  }

  /** The issuer of ours with the name and the key of this certificate. */
  private findOwnIssuer(certificate: CertificateFields, serialNumber: Buffer): Promise<IssuerIdentity | null> {
    return this.directory.findByCertId(buildCertId('sha256', certificate, serialNumber));
  }

  private checkValidity(certificates: readonly CertificateFields[]): void {
    const now = this.clock.now();
    for (const { notBefore, notAfter } of certificates) {
      if (now < notBefore || now > notAfter) refuse('it, or a certificate above it, is not valid at this time');
    }
  }

  private async checkRevocation({ certificate, issuer, isTrusted }: ChainLink): Promise<void> {
    const { serialNumber } = certificate;
    const own = await this.findOwnIssuer(issuer, serialNumber);
    if (own !== null) {
      const found = await this.statuses.find(own.id, serialNumber);
      if (found?.status === 'good') return;
      const status = found?.status ?? 'not in the inventory';
      refuse(`it, or a certificate above it, is ${status} at the issuer ${own.id}`);
    }
    // Of what the operator trusts by name, nobody has to vouch for more.
    if (isTrusted) return;
    const status = (await this.crls?.find(issuer, serialNumber, this.clock.now())) ?? 'unknown';
    if (status === 'revoked') refuse('it, or a certificate above it, is revoked');
    if (status === 'unknown') refuse('CERTPLANE_CLIENT_CRL_FILE has no CRL of its issuer that holds now');
  }
}

function parse(der: Buffer): ClientCertificate {
  try {
    return parseClientCertificate(der);
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
    return refuse(error.message);
  }
}

function refuse(why: string): never {
  throw new DomainError('unauthorized', `The client certificate is not accepted: ${why.replace(/\.$/, '')}.`);
}
