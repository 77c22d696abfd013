import { Injectable } from '@nestjs/common';
import { DataSource, In, Not } from 'typeorm';
import { CERT_ID_ALGORITHMS, hashCertIdIssuer, type CertId, type CertIdAlgorithm } from '../pki/cert-id.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { IssuerEntity } from './issuer.entity.js';

/** What relying parties may know of an issuer. None of it ever changes, so it is kept for the life of the process. */
export interface IssuerIdentity {
  readonly id: string;
  readonly subjectDer: Buffer;
  readonly publicKeyBits: Buffer;
  readonly certificateDer: Buffer;
  readonly chainDer: readonly Buffer[];
  readonly notAfter: Date;
  /** What a CertID of this issuer holds, by its hash algorithm. */
  readonly certIdHashes: ReadonlyMap<CertIdAlgorithm, CertIdHashes>;
}

interface CertIdHashes {
  readonly issuerNameHash: Buffer;
  readonly issuerKeyHash: Buffer;
}

/** Finds issuers for the relying parties' endpoints: from memory, else from the database. */
@Injectable()
export class IssuerDirectory {
  private readonly byId = new Map<string, IssuerIdentity>();
  private readonly byCertId = new Map<string, IssuerIdentity>();
  private loading: Promise<void> | null = null;

  constructor(
    private readonly dataSource: DataSource,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  async findById(id: string): Promise<IssuerIdentity | null> {
    const known = this.byId.get(id);
    if (known !== undefined) return known;
    await this.loadNew();
    return this.byId.get(id) ?? null;
  }

  /** The issuer that a CertID names by the hashes of its name and key, or null: then it is none of ours. */
  async findByCertId(certId: CertId): Promise<IssuerIdentity | null> {
    const key = certIdKey(certId.algorithm, certId.issuerNameHash, certId.issuerKeyHash);
    const known = this.byCertId.get(key);
    if (known !== undefined) return known;
    await this.loadNew();
    return this.byCertId.get(key) ?? null;
  }

  /** The loads that are asked for at the same time are one. */
  private loadNew(): Promise<void> {
    this.loading ??= this.load().finally(() => (this.loading = null));
    return this.loading;
  }

  private async load(): Promise<void> {
    const known = [...this.byId.keys()];
    const rows = await this.dataSource.manager.find(IssuerEntity, {
      where: known.length === 0 ? {} : { id: Not(In(known)) },
      select: { id: true, certificateDer: true, chainDer: true },
    });
    for (const row of rows) {
      try {
        this.add(row);
      } catch (error) {
        this.logger.error({ err: error, issuerId: row.id }, 'the stored certificate of an issuer is damaged');
      }
    }
  }

  private add(row: IssuerEntity): void {
    const { subjectDer, publicKeyBits, notAfter } = parseCertificateFields(row.certificateDer);
    const { id, certificateDer, chainDer } = row;
    const certIdHashes = new Map(
      CERT_ID_ALGORITHMS.map((algorithm) => [algorithm, hashCertIdIssuer(algorithm, { subjectDer, publicKeyBits })]),
    );
    const identity: IssuerIdentity = {
      id,
      subjectDer,
      publicKeyBits,
      certificateDer,
      chainDer,
      notAfter,
      certIdHashes,
    };
    for (const [algorithm, { issuerNameHash, issuerKeyHash }] of certIdHashes) {
      const key = certIdKey(algorithm, issuerNameHash, issuerKeyHash);
      // A cross-certified twin has the same name and key: the first one answers for both.
      if (!this.byCertId.has(key)) this.byCertId.set(key, identity);
    }
    this.byId.set(id, identity);
  }
}

function certIdKey(algorithm: CertIdAlgorithm, nameHash: Buffer, keyHash: Buffer): string {
  return `${algorithm}:${nameHash.toString('latin1')}${keyHash.toString('latin1')}`;
}

/** True when the CertID's hashes are those of this issuer. */
export function namesIssuer(certId: CertId, issuer: IssuerIdentity): boolean {
  const hashes = issuer.certIdHashes.get(certId.algorithm);
  if (hashes === undefined) return false;
  return certId.issuerNameHash.equals(hashes.issuerNameHash) && certId.issuerKeyHash.equals(hashes.issuerKeyHash);
}
