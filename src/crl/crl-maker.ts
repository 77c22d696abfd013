import { X509Certificate } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { IssuerEntity } from '../issuers/issuer.entity.js';
import { KeyStore } from '../keys/key-store.js';
import { Clock } from '../platform/clock/clock.js';
import { InjectLogger, type Logger } from '../platform/logging/logger.js';
import { allocateCrlNumber } from './crl-numbers.js';
import { CrlPlanner, type CrlPlan } from './crl-planner.js';
import type { CrlScope } from './crl-scope.js';
import type { NewCrl } from './crl-store.js';
import { CRL_JOB, type CrlTaskResult, type RowsMessage } from './crl-worker.js';
import { copyOut } from './copy-out.js';

/** The stream of rows is given up when nothing has come for so long. */
const SILENCE_MS = 60_000;

/** A CRL that is signed and checked, and not published. */
export type SignedCrl = Omit<NewCrl, 'generatedAt' | 'generationDurationMs'>;

/** Makes CRLs: from the database to signed and checked DER. */
@Injectable()
export class CrlMaker {
  constructor(
    private readonly dataSource: DataSource,
    private readonly planner: CrlPlanner,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
    @InjectLogger() private readonly logger: Logger,
  ) {}

  /** @param onNumber told the CRL number as soon as it is taken */
  async make(client: PoolClient, scope: CrlScope, onNumber: (crlNumber: bigint) => void): Promise<SignedCrl> {
    const { issuerId } = scope;
    const issuer = await this.dataSource.manager.findOneByOrFail(IssuerEntity, { id: issuerId });
    const allocation = await allocateCrlNumber(client, scope);
    onNumber(allocation.crlNumber);
    // One snapshot, behind the lock of the number: what a delta is based on must not be pruned while it is read.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { fields, select } = await this.planner.plan(client, issuer, scope, allocation);
    const built = await this.build(client, select, issuer, fields);
    if (built.badRows !== null) {
      this.logger.error({ issuerId, ...built.badRows }, 'revoked certificates could not be put on the CRL');
    }
    return {
      crlNumber: allocation.crlNumber,
      revision: allocation.revision,
      baseCrlNumber: fields.baseCrlNumber ?? null,
      thisUpdate: fields.thisUpdate,
      nextUpdate: fields.nextUpdate,
      entryCount: built.entryCount,
      der: Buffer.from(built.memory.buffer, built.memory.byteOffset + built.start, built.end - built.start),
      sha256: built.sha256,
      distributionPoints: (fields.issuingDistributionPoint ?? fields.freshestCrl ?? []).length,
    };
  }

  /** The rows go to the thread that makes entries of them while more come in. */
  private async build(
    client: PoolClient,
    select: string,
    { keyId, certificateDer }: IssuerEntity,
    fields: CrlPlan['fields'],
  ): Promise<CrlTaskResult> {
    if (keyId === null) throw new Error('the key of this issuer is not here');
    const { port1, port2 } = new MessageChannel();
    const { publicKey } = new X509Certificate(certificateDer);
    const removedAt = Math.floor(this.clock.now().getTime() / 1000);
    const failed = new AbortController();
    const building = this.keyStore
      .runJob(keyId, 'crl', CRL_JOB, { fields, rows: port2, removedAt, publicKey })
      .catch((error: unknown) => {
        failed.abort();
        throw error;
      });
    const [built, sent] = await Promise.allSettled([building, sendRows(client, select, port1, failed.signal)]);
    port1.close();
    if (sent.status === 'rejected') throw sent.reason;
    if (built.status === 'rejected') throw built.reason;
    return built.value;
  }
}

/** Sends the stream of a query to a port, and ends its transaction. Stops, and leaves the client unusable, when nobody wants it. */
async function sendRows(client: PoolClient, select: string, port: MessagePort, unwanted: AbortSignal): Promise<void> {
  const send = (message: RowsMessage, memory: ArrayBuffer[] = []): void => port.postMessage(message, memory);
  try {
    for await (const piece of copyOut(client, select, SILENCE_MS)) {
      if (unwanted.aborted) return;
      // A piece with a memory of its own is handed over; one of a shared memory is copied.
      send(piece, piece.length === piece.buffer.byteLength ? [piece.buffer as ArrayBuffer] : []);
    }
    send('end');
    await client.query('COMMIT');
  } catch (error) {
    send('broken');
    throw error;
  }
}
