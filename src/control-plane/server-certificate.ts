import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Inject, Injectable } from '@nestjs/common';
import { LeafIssuance } from '../certificates/leaf-issuance.js';
import type { IssuerEntity } from '../issuers/issuer.entity.js';
import { IssuersService } from '../issuers/issuers.service.js';
import { validityPeriod } from '../issuers/validity-period.js';
import { distinguishedNameFromAttributes } from '../pki/distinguished-name.js';
import { formatPem } from '../pki/pem.js';
import { validateSubjectAlternativeNames, type SubjectAlternativeNames } from '../pki/subject-alternative-names.js';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { StartError } from '../platform/errors/start-error.js';
import { systemCaller } from '../platform/http/caller.js';
import { EVERYTHING } from '../platform/http/scope.js';
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
    private readonly leaves: LeafIssuance,
    private readonly clock: Clock,
  ) {}

  /**
   * The material to present now; issues a new certificate when the one at hand is missing or soon to expire.
   * @throws StartError when the operator's files can't be used
   */
  async get(): Promise<TlsMaterial> {
    if (this.config.tls !== null) return readOperatorsMaterial(this.config.tls);
    const issuer = await this.issuers.get(LOCAL_ISSUER_ID, EVERYTHING);
    return this.findStored(issuer) ?? this.issue(issuer);
  }

  /** Key and certificates in one file: processes that renew at the same time can't leave a key beside another's certificate. */
  private get file(): string {
    return join(this.config.dataDir, 'tls', 'server.pem');
  }

  private findStored(issuer: IssuerEntity): TlsMaterial | null {
    try {
      const material = splitMaterial(readFileSync(this.file, 'utf8'));
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
    const signed = await this.leaves.issue(
      {
        issuer,
        subjectAlternativeNames: this.namesHere(),
        subjectDer: subject.der,
        subject: subject.text,
        spkiDer: publicKey.export({ type: 'spki', format: 'der' }),
        ...validityPeriod(this.clock.now(), VALIDITY_SECONDS, issuer),
      },
      systemCaller('server-certificate'),
    );
    const material = {
      cert: [signed.certificateDer, ...issuer.chainDer].map((der) => formatPem('CERTIFICATE', der)).join(''),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
    writeFileWhole(this.file, material.key + material.cert, 0o600);
    return material;
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

/** The file has the key first, and the certificates behind it. */
function splitMaterial(text: string): TlsMaterial {
  const keyEnd = text.indexOf('-----BEGIN CERTIFICATE-----');
  return { key: text.slice(0, keyEnd), cert: text.slice(keyEnd) };
}

/** A machine's own name may be anything; one that no certificate can hold is left out. */
function isHostName(name: string): boolean {
  return /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/.test(name);
}
