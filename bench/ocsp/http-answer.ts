const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;
const OK = '200';

/** Sizes of the last answer. The next one is mostly alike, and is then recognised without being searched. */
export interface AnswerShape {
  headBytes: number;
  bodyBytes: number;
}

/**
 * True when the bytes are one whole answer.
 * @throws Error when it isn't one with the status 200 and a Content-Length
 */
export function readAnswer(bytes: Buffer, shape: AnswerShape): boolean {
  const { headBytes, bodyBytes } = shape;
  if (
    bytes.length === headBytes + bodyBytes &&
    bytes.toString('latin1', headBytes - HEAD_END.length, headBytes) === HEAD_END
  ) {
    return true;
  }
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return false;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (head.slice(STATUS_AT, STATUS_AT + OK.length) !== OK || length === undefined) throw new Error(`answered: ${head}`);
  shape.headBytes = end + HEAD_END.length;
  shape.bodyBytes = Number(length);
  return bytes.length >= shape.headBytes + shape.bodyBytes;
}
