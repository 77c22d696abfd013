import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { IssuanceService, type SignedCertificate } from '../certificates/issuance.service.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { RelyingPartyAddresses } from '../issuers/relying-party-addresses.js';
import { validityPeriod } from '../issuers/validity-period.js';
import { distinguishedNameFromAttributes } from '../pki/distinguished-name.js';
import { formatPem } from '../pki/pem.js';
import { formatSerialNumber } from '../pki/serial-number.js';
import { validateSubjectAlternativeNames, type SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { Transactions } from '../platform/database/transaction.js';
import { StartError } from '../platform/errors/start-error.js';
import { systemCaller } from '../platform/http/caller.js';
import { LOCAL_ISSUER_ID } from './first-start.js';
import { writeFileWhole } from './whole-file.js';

/** What the HTTPS listener presents, PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

const VALIDITY_SECONDS = 90 * 86_400;
const RENEW_BEFORE_SECONDS = 30 * 86_400;

/** The certificate of the HTTPS listener: the operator's, or one of `iss-local` that is renewed in time. */
@Injectable()
export class ServerCertificate {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly issuers: IssuersService,
    private readonly issuance: IssuanceService,
    private readonly addresses: RelyingPartyAddresses,
    private readonly transactions: Transactions,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * The material to present now; issues a new certificate when the one at hand is missing or soon to expire.
   * @throws StartError when the operator's files can't be used
   */
  async get(): Promise<TlsMaterial> {
    if (this.config.tls !== null) return readOperatorsMaterial(this.config.tls);
    const issuer = await this.issuers.get(LOCAL_ISSUER_ID);
    return this.findStored(issuer) ?? this.issue(issuer);
  }

  private get certFile(): string {
    return join(this.config.dataDir, 'tls', 'server.pem');
  }

  private get keyFile(): string {
    return join(this.config.dataDir, 'tls', 'server.key');
  }

  private findStored(issuer: IssuerEntity): TlsMaterial | null {
    try {
      const material = readMaterial(this.certFile, this.keyFile);
      const certificate = new X509Certificate(material.cert);
      const fits =
        certificate.verify(new X509Certificate(issuer.certificateDer).publicKey) &&
        certificate.checkPrivateKey(createPrivateKey(material.key)) &&
        new Date(certificate.validTo) > addSeconds(this.clock.now(), RENEW_BEFORE_SECONDS) &&
        this.namesHere().dns.every((name) => certificate.checkHost(name) !== undefined) &&
        this.namesHere().ip.every((address) => certificate.checkIP(address) !== undefined);
      return fits ? material : null;
    } catch {
      // Missing or damaged: it is made anew.
      return null;
    }
  }

  private async issue(issuer: IssuerEntity): Promise<TlsMaterial> {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const subject = distinguishedNameFromAttributes({ common_name: 'Certplane' });
    const signed = await this.issuance.sign({
      issuer,
      profile: { kind: 'leaf', subjectAlternativeNames: this.namesHere(), urls: this.addresses.of(issuer.id) },
      subjectDer: subject.der,
      subject: subject.text,
      spkiDer: publicKey.export({ type: 'spki', format: 'der' }),
      ...validityPeriod(this.clock.now(), VALIDITY_SECONDS, issuer),
    });
    await this.record(signed);
    const material = {
      cert: [signed.certificateDer, ...issuer.chainDer].map((der) => formatPem('CERTIFICATE', der)).join(''),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    writeFileWhole(this.keyFile, material.key, 0o600);
    writeFileWhole(this.certFile, material.cert, 0o644);
    return material;
  }

  private async record(signed: SignedCertificate): Promise<void> {
    await this.transactions.run(async (tx) => {
      await this.issuance.confirm(tx, signed);
      await this.audit.record(tx, systemCaller('server-certificate'), {
        action: 'certificate.issue',
        subjectType: 'certificate',
        subjectId: signed.id,
        details: {
          issuer_id: signed.issuerId,
          serial_number: formatSerialNumber(signed.serialNumber),
          subject: signed.subject,
          subject_alternative_names: signed.subjectAlternativeNames,
          not_after: signed.notAfter.toISOString(),
        },
      });
    });
  }

  private namesHere(): SubjectAlternativeNames {
    const { host } = this.config;
    const bound = ['0.0.0.0', '::'].includes(host) ? [] : [host];
    const names = ['localhost', hostname().toLowerCase(), ...bound].filter((name) => isIP(name) === 0);
    return validateSubjectAlternativeNames({
      dns: names.filter(isHostName),
      ip: ['127.0.0.1', '::1', ...bound.filter((name) => isIP(name) !== 0)],
    });
  }
}

function readOperatorsMaterial(tls: NonNullable<Config['tls']>): TlsMaterial {
  try {
    const material = readMaterial(tls.certFile, tls.keyFile);
    createSecureContext(material);
    return material;
  } catch (error) {
    const reason = (error as Error).message;
    throw new StartError(`CERTPLANE_TLS_CERT_FILE and CERTPLANE_TLS_KEY_FILE can't be used: ${reason}.`, error);
  }
}

function readMaterial(certFile: string, keyFile: string): TlsMaterial {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

/** A machine's own name may be anything; one that no certificate can hold is left out. */
function isHostName(name: string): boolean {
  return /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name);
}
