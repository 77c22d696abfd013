import { Inject, Injectable } from '@nestjs/common';
import { IssuerDirectory, type IssuerIdentity } from '../issuers/issuer-directory.js';
import { KeyStore } from '../keys/key-store.js';
import type { CertStatus } from '../pki/ocsp-response.js';
import { Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import type { OcspResponder } from './ocsp-responder.js';
import { OcspRespondersService } from './ocsp-responders.service.js';
import type { PresignedResponse } from './ocsp-response-store.js';
import { responseTimes, type ResponseTimes } from './ocsp-validity.js';
import type { PresignRow } from './presign-queue.js';
import { PRESIGN_JOB, type PresignResult } from './presign-worker.js';

/** So much is signed at a stretch: some milliseconds, also where it has to be done on the event loop. */
const TASK_ROWS = 125;

/** What became of a batch: each row is in one of the two. */
export interface SignedBatch {
  readonly responses: readonly PresignedResponse[];
  /** The responses, one behind the other. */
  readonly bytes: Buffer;
  readonly failed: readonly PresignFailure[];
}

export interface PresignFailure {
  readonly row: PresignRow;
  readonly reason: string;
}

interface Series {
  readonly issuer: IssuerIdentity;
  readonly responder: OcspResponder;
  readonly times: ResponseTimes;
}

interface Task {
  readonly series: Series;
  readonly rows: readonly PresignRow[];
}

/** Signs many responses on several cores. */
@Injectable()
export class PresignBatch {
  constructor(
    private readonly directory: IssuerDirectory,
    private readonly responders: OcspRespondersService,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** A row that can't be signed, and an issuer that can't sign, stop no others. Never rejects. */
  async sign(rows: readonly PresignRow[]): Promise<SignedBatch> {
    const failed: PresignFailure[] = [];
    const tasks: Task[] = [];
    for (const [issuerId, issued] of groupByIssuer(rows)) {
      try {
        const series = await this.prepare(issuerId);
        for (let at = 0; at < issued.length; at += TASK_ROWS) {
          tasks.push({ series, rows: issued.slice(at, at + TASK_ROWS) });
        }
      } catch (error) {
        failed.push(...issued.map((row) => ({ row, reason: reasonOf(error) })));
      }
    }
    return this.gather(await this.perform(tasks), failed);
  }

  private async prepare(issuerId: string): Promise<Series> {
    const issuer = await this.directory.findById(issuerId);
    if (issuer === null) throw new Error('the issuer is not there, or its certificate is damaged');
    const responder = await this.responders.get(issuerId);
    return { issuer, responder, times: responseTimes(this.clock.now(), this.config.ocsp.validity, responder.notAfter) };
  }

  /** As many at a time as the key store can do: on the event loop that is one, and others get their turn in between. */
  private async perform(tasks: readonly Task[]): Promise<[Task, PresignResult | Error][]> {
    const done: [Task, PresignResult | Error][] = [];
    const remaining = tasks.values();
    const lane = async (): Promise<void> => {
      for (const task of remaining) done.push([task, await this.signTask(task)]);
    };
    await Promise.all(Array.from({ length: this.keyStore.jobConcurrency }, lane));
    return done;
  }

  private async signTask({ series: { issuer, responder, times }, rows }: Task): Promise<PresignResult | Error> {
    try {
      return await this.keyStore.runJob(responder.keyId, 'ocsp', PRESIGN_JOB, {
        issuer: { subjectDer: issuer.subjectDer, publicKeyBits: issuer.publicKeyBits },
        responderKeyHash: responder.keyHash,
        certificateDer: responder.certificateDer,
        times,
        rows: rows.map((row) => ({
          algorithm: row.algorithm,
          serialNumber: row.serial_number,
          status: certStatusOf(row),
        })),
      });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private gather(done: readonly [Task, PresignResult | Error][], failed: PresignFailure[]): SignedBatch {
    const responses: PresignedResponse[] = [];
    const bytes: Uint8Array[] = [];
    for (const [task, result] of done) {
      if (result instanceof Error) {
        failed.push(...task.rows.map((row) => ({ row, reason: reasonOf(result) })));
        continue;
      }
      bytes.push(result.bytes);
      for (const [index, row] of task.rows.entries()) {
        const byteLength = result.lengths[index] ?? 0;
        if (byteLength === 0) {
          failed.push({ row, reason: result.faults.get(index) ?? 'it was not signed' });
        } else {
          responses.push({ row, times: task.series.times, byteLength });
        }
      }
    }
    return { responses, bytes: Buffer.concat(bytes), failed };
  }
}

function groupByIssuer(rows: readonly PresignRow[]): Map<string, PresignRow[]> {
  const groups = new Map<string, PresignRow[]>();
  for (const row of rows) {
    const group = groups.get(row.issuer_id);
    if (group === undefined) groups.set(row.issuer_id, [row]);
    else group.push(row);
  }
  return groups;
}

const GOOD: CertStatus = { status: 'good' };

function certStatusOf(row: PresignRow): CertStatus {
  if (row.revoked_at === null || row.revocation_reason === null) return GOOD;
  return { status: 'revoked', revokedAt: row.revoked_at, reason: row.revocation_reason };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
