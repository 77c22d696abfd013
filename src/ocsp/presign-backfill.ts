import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { addSeconds, Clock } from '../platform/clock/clock.js';
import { CONFIG } from '../platform/config/config.module.js';
import type { Config } from '../platform/config/env.js';
import { uuidV7 } from '../platform/database/uuid.js';

const BATCH = 10_000;
/** An issuance that began this long ago has committed, or never will. */
const OVERLAP_SECONDS = 3600;
const LEAST_ID = '00000000-0000-0000-0000-000000000000';

interface Step {
  /** The last certificate that was looked at; null at the end. */
  last_id: string | null;
  added: string;
}

/**
 * Makes the rows that certificates lack: those that were issued while responses were not signed in advance, or before another
 * hash algorithm was. How far it has come stays in the database: the next start goes on from there.
 */
@Injectable()
export class PresignBackfill {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Forgets what was made for algorithms that are no longer wanted: from now on certificates come without. */
  async forgetUnwanted(): Promise<void> {
    const wanted = this.config.ocsp.presign === 'eager' ? this.config.ocsp.presignHashes : [];
    await this.dataSource.query('DELETE FROM ocsp_presign_positions WHERE cert_id_algorithm <> ALL($1::text[])', [
      wanted,
    ]);
  }

  /** One batch after another, each committed by itself and begun when the one before is handed over; yields how many rows it made. */
  async *run(): AsyncGenerator<number> {
    for (const algorithm of this.config.ocsp.presignHashes) {
      let step = this.step(algorithm, await this.findStart(algorithm));
      for (;;) {
        const { last_id: lastId, added } = await step;
        if (lastId === null) break;
        step = this.step(algorithm, lastId);
        // Awaited next; until then nobody else looks.
        step.catch(() => undefined);
        yield Number(added);
      }
    }
  }

  /** A little before the last position: an id is older than the commit of its certificate. */
  private async findStart(algorithm: string): Promise<string> {
    const [row] = await this.dataSource.query<{ certificate_id: string }[]>(
      'SELECT certificate_id FROM ocsp_presign_positions WHERE cert_id_algorithm = $1',
      [algorithm],
    );
    if (row === undefined) return LEAST_ID;
    const milliseconds = Number.parseInt(row.certificate_id.replaceAll('-', '').slice(0, 12), 16);
    const latest = Math.min(milliseconds, this.clock.now().getTime());
    return leastIdAt(addSeconds(new Date(latest), -OVERLAP_SECONDS));
  }

  /** Due at times one microsecond apart: the queue is then read from where it was left. */
  private async step(algorithm: string, from: string): Promise<Step> {
    const [step] = await this.dataSource.query<Step[]>(
      `WITH page AS (
         SELECT id, issuer_id, serial_number, row_number() OVER (ORDER BY id) AS place
           FROM certificates
          WHERE id > $1 AND not_after > $2 AND certificate_der IS NOT NULL AND profile <> 'ocsp-responder'
          ORDER BY id LIMIT ${BATCH}
       ), added AS (
         INSERT INTO ocsp_responses (issuer_id, serial_number, cert_id_algorithm, refresh_at)
         SELECT issuer_id, serial_number, $3, $2 - (${BATCH} - place) * interval '1 microsecond' FROM page
         ON CONFLICT DO NOTHING RETURNING 1
       ), moved AS (
         INSERT INTO ocsp_presign_positions (cert_id_algorithm, certificate_id)
         SELECT $3, id FROM page ORDER BY id DESC LIMIT 1
         ON CONFLICT (cert_id_algorithm) DO UPDATE SET certificate_id = excluded.certificate_id
       )
       SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_id, (SELECT count(*) FROM added) AS added`,
      [from, this.clock.now(), algorithm],
    );
    return step!;
  }
}

/** The least id that {@link uuidV7} makes at this time. */
function leastIdAt(time: Date): string {
  return `${uuidV7(time).slice(0, 15)}000-8000-000000000000`;
}
