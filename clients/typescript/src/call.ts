/** What every call takes. */
export interface CallOptions {
  /** Gives the call up. */
  readonly signal?: AbortSignal | undefined;
  /** How long the other side may be silent, in milliseconds. Default: that of the client. */
  readonly timeoutMs?: number | undefined;
  /** Sent besides those of the client. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Is shown the status and the headers (in lower case) of the answer: `etag`, `ratelimit`, `idempotency-replayed`. */
  readonly onAnswer?: ((answer: AnswerHead) => void) | undefined;
}

/** What a call takes that changes something. */
export interface WriteOptions extends CallOptions {
  /**
   * 1 to 255 printable ASCII characters: whoever repeats the call under the same key gets the first answer, and nothing is
   * done twice. A call that has one is tried again by itself when the connection breaks.
   */
  readonly idempotencyKey?: string | undefined;
  /** The `etag` of what is to be changed: the call is refused when somebody else has changed it since. */
  readonly ifMatch?: string | undefined;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer that is a file. */
export interface FileAnswer {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** What the server would call it. */
  readonly filename: string | null;
}

/** One call of the REST interface. */
export interface Call {
  /** The operationId. */
  readonly operation: string;
  readonly method: string;
  /** Percent-encoded, from the root of the interface. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly answer: 'json' | 'text' | 'file' | 'lines';
  /** Those that are no refusals. */
  readonly statuses: readonly number[];
  /** Whoever asks is answered: no API key is sent. */
  readonly anonymous?: boolean;
}

/** A parameter as a segment of a path. @throws TypeError for one that would name another path */
export function segment(name: string, value: string): string {
  if (value === '' || value === '.' || value === '..') throw new TypeError(`${name} can't be ${JSON.stringify(value)}`);
  return encodeURIComponent(value);
}
