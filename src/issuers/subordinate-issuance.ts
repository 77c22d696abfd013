import type { IssuerEntity } from './issuer.entity.js';
import type { Tx } from '../platform/database/transaction.js';

export interface SubordinateRequest {
  readonly parent: IssuerEntity;
  readonly subjectDer: Buffer;
  readonly subject: string;
  readonly spkiDer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly pathLength: number | null;
}

export interface SubordinateCertificate {
  readonly certificateDer: Buffer;
  /** Puts the certificate into its parent's inventory. */
  confirm(tx: Tx): Promise<void>;
  /** After the commit: has its OCSP response ready. Never rejects. */
  prepareResponse(): Promise<void>;
}

/**
 * Signs the certificate of an intermediate with its parent's key. `certificates` implements it, for it keeps the
 * inventory of all that an issuer signs; issuers can't import it, because it builds on them.
 */
export abstract class SubordinateIssuance {
  abstract signSubordinate(request: SubordinateRequest): Promise<SubordinateCertificate>;
}
