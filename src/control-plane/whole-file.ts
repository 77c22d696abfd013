import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file that readers see whole or not at all; leaves one alone that has these contents already. */
export function writeFileWhole(path: string, contents: string, mode: number): void {
  if (findContents(path) === contents) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, contents, { mode, flush: true });
  renameSync(draft, path);
}

function findContents(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
