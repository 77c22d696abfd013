import { existsSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { usageFailure, type Failure } from './failure.js';

/** No list, CSR or key that is read here is near this. */
const TEXT_MAX_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const RETRY_MS = 20;

/** The text of a file, or of standard input for `-`. @throws Failure */
export function readText(path: string): string {
  const contents = readBytes(path);
  if (contents.length > TEXT_MAX_BYTES) throw usageFailure(`${path} has more than ${TEXT_MAX_BYTES} bytes.`);
  return contents.toString('utf8');
}

/** The lines of a file that say something: no empty ones, and none that begin with `#`. @throws Failure */
export function readLines(path: string): string[] {
  const lines = readText(path)
    .split('\n')
    .map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** Looks whether a file may be written, before anything is done for it. @throws Failure */
export function checkWritable(path: string, force: boolean): void {
  if (!force && existsSync(path)) throw existsAlready(path);
}

/** Writes a file that must not be there yet, unless it may be written over. @throws Failure */
export function writeFile(
  path: string,
  contents: string | Uint8Array,
  { mode = 0o644, force = false }: { mode?: number; force?: boolean } = {},
): void {
  try {
    writeFileSync(path, contents, { flag: force ? 'w' : 'wx', mode });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw existsAlready(path);
    throw usageFailure(`${path} can't be written (${code}).`);
  }
}

function existsAlready(path: string): Failure {
  return usageFailure(`${path} exists already.`, 'Name another file, or remove it first; some commands take --force.');
}

function readBytes(path: string): Buffer {
  try {
    return path === '-' ? readStandardInput() : readFileSync(path);
  } catch (error) {
    throw usageFailure(`${path === '-' ? 'Standard input' : path} can't be read (${codeOf(error)}).`);
  }
}

/** Whoever gave us standard input may have made it one that does not wait. */
function readStandardInput(): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    try {
      const length = readSync(0, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EOF') return Buffer.concat(chunks);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown fault';
}
