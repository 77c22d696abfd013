import { Buffer } from 'node:buffer';
import { buildCertId, type CertIdAlgorithm, type CertIdIssuer } from './cert-id.js';
import { DerReader } from './der-reader.js';
import { bitString, explicit, generalizedTime, integer, octetString, sequence } from './der-writer.js';
import { buildCertStatus, wrapBasicResponse, type CertStatus } from './ocsp-response.js';
import { canonicalSerialNumber } from './serial-number.js';
import type { Signer } from './signer.js';

/** What the responses of a series have in common. Times are cut to the second. */
export interface OcspResponseSeriesPlan {
  readonly issuer: CertIdIssuer;
  readonly algorithm: CertIdAlgorithm;
  /** SHA-1 of the bits of the responder's public key. */
  readonly responderKeyHash: Uint8Array;
  /** DER of the delegated responder's certificate. */
  readonly certificate: Uint8Array;
  readonly producedAt: Date;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
}

/**
 * Builds many responses, each to one certificate of the same issuer, that differ in nothing but serial number and status. The
 * bytes are those of `buildOcspResponse`; what all have in common is written once, which leaves little but the signature.
 */
export class OcspResponseSeries {
  private readonly certIdIssuer: Buffer;
  private readonly updates: Buffer;
  private readonly head: Buffer;
  private readonly certificates: Buffer;

  /** @throws RangeError where the fields make no response */
  constructor(
    plan: OcspResponseSeriesPlan,
    private readonly signer: Signer,
  ) {
    const { issuer, algorithm, responderKeyHash, producedAt, thisUpdate, nextUpdate } = plan;
    if (responderKeyHash.length !== 20) throw new RangeError('responderKeyHash is a SHA-1 hash');
    if (nextUpdate < thisUpdate) throw new RangeError('nextUpdate is before thisUpdate');
    const certId = new DerReader(buildCertId(algorithm, issuer, Buffer.of(1)).der).readSequence();
    this.certIdIssuer = Buffer.concat([certId.readElement(), certId.readElement(), certId.readElement()]);
    this.updates = Buffer.concat([generalizedTime(thisUpdate), explicit(0, generalizedTime(nextUpdate))]);
    this.head = Buffer.concat([explicit(2, octetString(responderKeyHash)), generalizedTime(producedAt)]);
    this.certificates = explicit(0, sequence(plan.certificate));
  }

  /**
   * Builds and signs one response.
   * @throws PkiError('invalid_serial_number'), RangeError for a status that can't be written, and what the signer throws
   */
  async build(serialNumber: Uint8Array, certStatus: CertStatus): Promise<Buffer> {
    const certId = sequence(this.certIdIssuer, integer(canonicalSerialNumber(serialNumber)));
    const single = sequence(certId, buildCertStatus(certStatus), this.updates);
    const tbs = sequence(this.head, sequence(single));
    const signature = bitString(await this.signer.sign(tbs));
    return wrapBasicResponse(sequence(tbs, this.signer.algorithm.der, signature, this.certificates));
  }
}
