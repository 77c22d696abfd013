import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';

const TIMEOUT_MS = 15_000;

/** Nothing came, or not what was asked for. The message is the part of a sentence that says what. */
export class DownloadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DownloadError';
  }
}

export interface Download {
  readonly url: string;
  /** Sent by POST; without it the request is a GET. */
  readonly post?: { readonly type: string; readonly body: Uint8Array };
  readonly maxBytes: number;
  /** The CAs to trust for https (PEM), instead of those that Node.js trusts. */
  readonly trusted: string | readonly string[] | undefined;
}

/** Fetches what a relying party needs, from where anybody may have written that it is. Rejects with DownloadError. */
export function download({ url, post, maxBytes, trusted }: Download): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { code?: string }): void => reject(new DownloadError(error.code ?? error.message));
    const headers = post === undefined ? {} : { 'content-type': post.type, 'content-length': post.body.length };
    const options: RequestOptions & { ca?: string | string[] } = {
      method: post === undefined ? 'GET' : 'POST',
      headers,
      timeout: TIMEOUT_MS,
      agent: false,
      ...(trusted === undefined ? {} : { ca: typeof trusted === 'string' ? trusted : [...trusted] }),
    };
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBytes) request.destroy(new Error(`more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new DownloadError(`HTTP status ${response.statusCode}`));
      });
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', fail);
    request.end(post?.body);
  });
}
