import { createReadStream } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** An event is far below this. */
const LINE_MAX_CHARACTERS = 16 << 20;

/** The lines of a file, without their ends, in memory for one. @throws what reading the file throws, and for endless lines */
export async function* readLines(file: string): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > LINE_MAX_CHARACTERS) throw new Error('a line is longer than any of an export');
  }
  rest += decoder.end();
  if (rest !== '') yield rest;
}
