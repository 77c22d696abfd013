import type { Call, FileAnswer } from './call.js';
import { ProblemError, UnexpectedAnswerError } from './errors.js';
import type { TransportAnswer } from './transport.js';

const BODY_MAX_BYTES = 256 * 1024 * 1024;
const LINE_MAX_CHARACTERS = 16 * 1024 * 1024;
const SHOWN_CHARACTERS = 200;

/** Reads the whole answer to a call. @throws ProblemError, UnexpectedAnswerError */
export async function readAnswer(call: Call, answer: TransportAnswer): Promise<unknown> {
  await refuseProblem(call, answer);
  const bytes = await collect(answer);
  switch (call.answer) {
    case 'file':
      return fileOf(answer, bytes);
    case 'text':
      return textOf(bytes);
    default:
      return parseJson(answer, textOf(bytes));
  }
}

/** Reads an answer line by line, as it comes. @throws ProblemError, UnexpectedAnswerError */
export async function* readLines(call: Call, answer: TransportAnswer): AsyncGenerator<string, void> {
  await refuseProblem(call, answer);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_MAX_CHARACTERS) throw unexpected(answer, 'a line of it has no end');
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function refuseProblem(call: Call, answer: TransportAnswer): Promise<void> {
  if (call.statuses.includes(answer.status) && !typeOf(answer).startsWith('application/problem+json')) return;
  const text = textOf(await collect(answer));
  if (!typeOf(answer).startsWith('application/problem+json')) {
    const shown = JSON.stringify(text.slice(0, SHOWN_CHARACTERS));
    throw unexpected(answer, `it is ${typeOf(answer) || 'without a type'} and begins with ${shown}`);
  }
  const problem = parseJson(answer, text);
  if (typeof problem !== 'object' || problem === null) throw unexpected(answer, 'its problem is not an object');
  throw new ProblemError(problem as Record<string, unknown>, answer.status, retryAfterOf(answer));
}

async function collect(answer: TransportAnswer): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES) throw unexpected(answer, `it has more than ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function fileOf(answer: TransportAnswer, bytes: Uint8Array): FileAnswer {
  const filename = /filename="([^"]*)"/.exec(answer.headers['content-disposition'] ?? '')?.[1] ?? null;
  return { bytes, contentType: typeOf(answer), filename };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parseJson(answer: TransportAnswer, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw unexpected(answer, `it is not JSON: ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))}`);
  }
}

function retryAfterOf({ headers }: TransportAnswer): number | null {
  const text = headers['retry-after'];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function typeOf({ headers }: TransportAnswer): string {
  return headers['content-type'] ?? '';
}

function unexpected(answer: TransportAnswer, reason: string): UnexpectedAnswerError {
  return new UnexpectedAnswerError(answer.status, typeOf(answer), reason);
}
