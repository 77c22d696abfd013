import { once } from 'node:events';
import { connect } from 'node:net';

const BODY_HEAD_END = '\r\n\r\n';

export interface PipelinedAnswer {
  /** Lower case, as they came. */
  readonly head: string;
  readonly body: Buffer;
}

/** Sends all requests at once on one connection (RFC 9112 section 9.3.2), and resolves to their answers in order. */
export async function postPipelined(port: number, path: string, bodies: readonly Buffer[]): Promise<PipelinedAnswer[]> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const requests = bodies.map((body) =>
    Buffer.concat([
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: pki.example\r\nContent-Type: application/ocsp-request\r\n` +
          `Content-Length: ${body.length}\r\n\r\n`,
      ),
      body,
    ]),
  );
  socket.write(Buffer.concat(requests));
  const answers: PipelinedAnswer[] = [];
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    for (let next = cutAnswer(received); next !== null; next = cutAnswer(received)) {
      answers.push(next.answer);
      received = next.rest;
    }
    if (answers.length === bodies.length) break;
  }
  return answers;
}

function cutAnswer(bytes: Buffer): { answer: PipelinedAnswer; rest: Buffer<ArrayBuffer> } | null {
  const end = bytes.indexOf(BODY_HEAD_END);
  if (end === -1) return null;
  const head = bytes.toString('latin1', 0, end).toLowerCase();
  const start = end + BODY_HEAD_END.length;
  const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1]);
  if (bytes.length < start + length) return null;
  return {
    answer: { head, body: Buffer.from(bytes.subarray(start, start + length)) },
    rest: Buffer.from(bytes.subarray(start + length)),
  };
}
