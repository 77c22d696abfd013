import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyDeadline, type Wait } from './body-deadline.js';
import type { ByteRange } from './byte-range.js';

/** What a download holds in memory of its own while its client is slow: over TLS, the same again encrypted. */
const SLICE_BYTES = 64 * 1024;
/** A client that takes no slice for so long has gone. */
const STALL_MS = 60_000;
const stallDeadline = new BodyDeadline(STALL_MS);

/** Views of a range of bytes that lie in several buffers; none is copied. */
export function* sliceChunks(chunks: readonly Buffer[], { start, end }: ByteRange): Generator<Buffer, void> {
  let offset = 0;
  for (const chunk of chunks) {
    const last = Math.min(end - offset, chunk.length);
    for (let at = Math.max(0, start - offset); at < last; at += SLICE_BYTES) {
      yield chunk.subarray(at, Math.min(at + SLICE_BYTES, last));
    }
    offset += chunk.length;
    if (offset >= end) return;
  }
}

/**
 * Writes a body slice by slice, each when the one before has left: a slow client holds up nobody, and holds one slice. One that
 * takes none for a minute loses its connection.
 * @param onEnd called once, when the last byte has left or the client has
 */
export function writeSlices(
  request: IncomingMessage,
  response: ServerResponse,
  slices: Iterator<Buffer, void>,
  onEnd: () => void,
): void {
  const { socket } = request;
  let wait: Wait | null = null;
  let ended = false;
  const stopWaiting = (): void => {
    if (wait !== null) stallDeadline.end(wait);
    wait = null;
  };
  const end = (): void => {
    stopWaiting();
    if (!ended) onEnd();
    ended = true;
  };
  const expire = (): void => {
    stopWaiting();
    // A pipelined request waits for the answer before its own.
    if (response.socket === null && !socket.destroyed) wait = stallDeadline.begin(expire);
    else response.destroy();
  };
  const writeOn = (): void => {
    stopWaiting();
    if (ended) return;
    wait = stallDeadline.begin(expire);
    for (let next = slices.next(); ; next = slices.next()) {
      if (next.done === true) return void response.end();
      if (!response.write(next.value)) return;
    }
  };
  // A client on a fast line gets one slice a turn of the event loop.
  response.on('drain', () => setImmediate(writeOn));
  response.once('close', end);
  // The answer to a pipelined request is not told when the connection closes before its turn.
  request.once('close', () => {
    if (socket.destroyed) end();
  });
  writeOn();
}
