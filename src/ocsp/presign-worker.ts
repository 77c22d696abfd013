import type { SigningJob } from '../keys/key-store.js';
import type { CertIdAlgorithm } from '../pki/cert-id.js';
import type { CertStatus } from '../pki/ocsp-response.js';
import { OcspResponseSeries } from '../pki/ocsp-response-series.js';
import type { Signer } from '../pki/signer.js';
import type { ResponseTimes } from './ocsp-validity.js';

/** Responses to certificates of one issuer, by one responder, at one time. */
export interface PresignTask {
  readonly issuer: { readonly subjectDer: Uint8Array; readonly publicKeyBits: Uint8Array };
  readonly responderKeyHash: Uint8Array;
  readonly certificateDer: Uint8Array;
  readonly times: ResponseTimes;
  readonly rows: readonly PresignTaskRow[];
}

export interface PresignTaskRow {
  readonly algorithm: CertIdAlgorithm;
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly status: CertStatus;
}

/** The responses, one behind the other. */
export interface PresignResult {
  readonly bytes: Uint8Array;
  /** How many bytes the response to each row has; 0 where there is none. */
  readonly lengths: readonly number[];
  /** Why there is none, by the place of the row. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Signs the responses of a task. A row that makes none is left out and told; it stops no other. */
export async function run(signer: Signer, task: PresignTask): Promise<PresignResult> {
  const series = new Map<CertIdAlgorithm, OcspResponseSeries>();
  const responses: Buffer[] = [];
  const lengths: number[] = [];
  const faults = new Map<number, string>();
  for (const [index, row] of task.rows.entries()) {
    try {
      const response = await seriesOf(row.algorithm, series, task, signer).build(
        Buffer.from(row.serialNumber, 'hex'),
        row.status,
      );
      responses.push(response);
      lengths.push(response.length);
    } catch (error) {
      lengths.push(0);
      faults.set(index, error instanceof Error ? error.message : String(error));
    }
  }
  return { bytes: Buffer.concat(responses), lengths, faults };
}

function seriesOf(
  algorithm: CertIdAlgorithm,
  known: Map<CertIdAlgorithm, OcspResponseSeries>,
  { issuer, responderKeyHash, certificateDer: certificate, times }: PresignTask,
  signer: Signer,
): OcspResponseSeries {
  let series = known.get(algorithm);
  if (series === undefined) {
    series = new OcspResponseSeries({ issuer, algorithm, responderKeyHash, certificate, ...times }, signer);
    known.set(algorithm, series);
  }
  return series;
}

/** For `KeyStore.runJob`. */
export const PRESIGN_JOB: SigningJob<PresignTask, PresignResult> = { module: import.meta.url, run };
