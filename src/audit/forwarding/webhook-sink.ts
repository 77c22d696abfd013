import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../platform/clock/clock.js';
import { formatTrailItem } from '../trail-lines.js';
import type { TrailItem } from '../trail.js';
import { SINK_TIMEOUT_MS, type AuditSink } from './audit-sink.js';

export interface WebhookTarget {
  readonly url: string;
  /** PEM; null: the CAs that Node.js trusts. */
  readonly ca: string | null;
  readonly secret: string | null;
}

/** Sends batches by POST, as the lines of an export. They have arrived when the answer is 2xx; redirects are not followed. */
export class WebhookSink implements AuditSink {
  readonly name = 'webhook';

  constructor(
    private readonly target: WebhookTarget,
    private readonly clock: Clock,
  ) {}

  async send(items: readonly TrailItem[], signal: AbortSignal): Promise<void> {
    const body = Buffer.from(items.map(formatTrailItem).join(''));
    const status = await this.post(body, signal);
    if (status < 200 || status > 299) throw new Error(`the webhook answered ${status}`);
  }

  private post(body: Buffer, signal: AbortSignal): Promise<number> {
    const { url, ca } = this.target;
    const isPlain = url.startsWith('http:');
    return new Promise((resolve, reject) => {
      const options = {
        method: 'POST',
        headers: this.headers(body),
        agent: false as const,
        signal,
        timeout: SINK_TIMEOUT_MS,
        ...(ca === null || isPlain ? {} : { ca }),
      };
      const request = (isPlain ? httpRequest : httpsRequest)(url, options, (response: IncomingMessage) => {
        response.once('error', reject);
        resolve(response.statusCode ?? 0);
        // What it says besides is of no use.
        response.destroy();
      });
      request.once('timeout', () => request.destroy(new Error('the webhook did not answer in time')));
      request.once('error', reject);
      request.end(body);
    });
  }

  private headers(body: Buffer): Record<string, string> {
    const { secret } = this.target;
    const headers = {
      'content-type': 'application/x-ndjson',
      'content-length': String(body.length),
      'user-agent': 'certplane',
    };
    if (secret === null) return headers;
    const time = Math.floor(this.clock.now().getTime() / 1000);
    const mac = createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex');
    return { ...headers, 'certplane-signature': `t=${time},v1=${mac}` };
  }
}
