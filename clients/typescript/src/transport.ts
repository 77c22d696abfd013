import type { AnswerHead } from './call.js';

export interface TransportRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  /** How long the other side may be silent. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | null;
}

export interface TransportAnswer extends AnswerHead {
  /** The body as it comes; whoever does not read it to its end breaks the connection off. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** How requests reach Certplane. The client comes with one on `node:https`; another may be put in its place. */
export interface Transport {
  /** Rejects with ConnectionError when there is no answer, and with the reason of the signal when it was given up. */
  send(request: TransportRequest): Promise<TransportAnswer>;
  close?(): void;
}
