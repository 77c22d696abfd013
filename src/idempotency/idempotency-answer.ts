import { StreamableFile } from '@nestjs/common';

/** An answer as it is kept: JSON, or the bytes of a file and what they are. */
export type KeptAnswer =
  { readonly json: unknown } | { readonly file: string; readonly type: string; readonly disposition: string };

/** Reads a file's stream to its end, so that it can be sent and kept. */
export async function toKeptAnswer(body: unknown): Promise<KeptAnswer> {
  if (!(body instanceof StreamableFile)) return { json: body ?? null };
  const chunks: Buffer[] = [];
  for await (const chunk of body.getStream() as AsyncIterable<Buffer>) chunks.push(chunk);
  const { type, disposition } = body.getHeaders();
  return {
    file: Buffer.concat(chunks).toString('base64'),
    type,
    disposition: typeof disposition === 'string' ? disposition : 'attachment',
  };
}

/** What a controller would return for it. */
export function fromKeptAnswer(answer: KeptAnswer): unknown {
  if ('json' in answer) return answer.json;
  const bytes = Buffer.from(answer.file, 'base64');
  return new StreamableFile(bytes, { type: answer.type, disposition: answer.disposition, length: bytes.length });
}
