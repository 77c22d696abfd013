import type { Tx } from '../platform/database/transaction.js';

/** What is made ready for relying parties before a certificate is handed over. */
export abstract class ResponsePreparation {
  /** In the transaction that issues the certificate. */
  abstract enroll(tx: Tx, issuerId: string, serialNumber: Buffer): Promise<void>;
  /** After the commit, before the certificate is handed over. Never rejects: what fails is made up for later. */
  abstract prepare(issuerId: string, serialNumber: Buffer): Promise<void>;
}
