import { Injectable } from '@nestjs/common';
import { DataSource, In, Not } from 'typeorm';
import { CERT_ID_ALGORITHMS, hashCertIdIssuer, type CertId, type CertIdAlgorithm } from '../pki/cert-id.js';
import { parseCertificateFields } from '../pki/certificate-fields.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { IssuerEntity, type OcspRequestSignature } from './issuer.entity.js';

/** What relying parties may know of an issuer. None of it ever changes, so it is kept for the life of the process. */
export interface IssuerIdentity {
  readonly id: string;
  readonly subjectDer: Buffer;
  readonly publicKeyBits: Buffer;
  readonly certificateDer: Buffer;
  readonly chainDer: readonly Buffer[];
  readonly notAfter: Date;
  /** False for a CA whose key is elsewhere, and with it its CRL and its OCSP responder. */
  readonly hasKey: boolean;
  readonly ocspRequestSignature: OcspRequestSignature;
  readonly ocspRequesterCasDer: readonly Buffer[];
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
  /** By {@link certIdKey}, those with a key: few, mostly one. */
  private readonly byCertId = new Map<number, IssuerIdentity[]>();
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

  /**
   * The issuer that a CertID names, if it is the one with this id (null: whichever) and known already: no waiting.
   */
  findKnown(certId: CertId, issuerId: string | null): IssuerIdentity | null {
    if (issuerId !== null) {
      const issuer = this.byId.get(issuerId);
      return issuer !== undefined && namesIssuer(certId, issuer) ? issuer : null;
    }
    for (const issuer of this.byCertId.get(certIdKey(certId)) ?? []) if (namesIssuer(certId, issuer)) return issuer;
    return null;
  }

  /** The issuer that a CertID names by the hashes of its name and key, or null: then none is ours to answer for. */
  async findByCertId(certId: CertId): Promise<IssuerIdentity | null> {
    const known = this.findKnown(certId, null);
    if (known !== null) return known;
    await this.loadNew();
    return this.findKnown(certId, null);
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
      select: {
        id: true,
        certificateDer: true,
        chainDer: true,
        keyId: true,
        ocspRequestSignature: true,
        ocspRequesterCasDer: true,
      },
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
      hasKey: row.keyId !== null,
      ocspRequestSignature: row.ocspRequestSignature,
      ocspRequesterCasDer: row.ocspRequesterCasDer,
      certIdHashes,
    };
    this.byId.set(id, identity);
    if (!identity.hasKey) return;
    for (const key of new Set([...certIdHashes.values()].map(certIdKey))) {
      // A cross-certified twin has the same name and key: the first one answers for both.
      this.byCertId.set(key, [...(this.byCertId.get(key) ?? []), identity]);
    }
  }
}

/** Four octets tell the keys of our issuers apart well enough; what it finds is compared whole. */
function certIdKey({ issuerKeyHash }: CertIdHashes): number {
  return issuerKeyHash.readInt32BE();
}

/** True when the CertID's hashes are those of this issuer. */
export function namesIssuer(certId: CertId, issuer: IssuerIdentity): boolean {
  const hashes = issuer.certIdHashes.get(certId.algorithm);
  if (hashes === undefined) return false;
  return certId.issuerNameHash.equals(hashes.issuerNameHash) && certId.issuerKeyHash.equals(hashes.issuerKeyHash);
}
