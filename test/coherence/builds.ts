import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A change of the compiled program: an exact piece of one file, and what stands there instead. */
export interface Patch {
  readonly file: string;
  readonly replace: string;
  readonly by: string;
}

/** Copies of the compiled program, each with its own faults, so that the program needs no hooks for the test. */
export class Builds {
  private readonly home = mkdtempSync(join(tmpdir(), 'certplane-builds-'));
  private readonly original = join(this.home, 'original');
  private count = 0;

  /** Takes dist/ as it is now: a later build changes nothing. */
  constructor() {
    symlinkSync(resolve('node_modules'), join(this.home, 'node_modules'));
    cpSync(resolve('dist'), this.original, { recursive: true });
  }

  copy(patches: readonly Patch[] = []): string {
    this.count += 1;
    const copy = join(this.home, `build-${this.count}`);
    cpSync(this.original, copy, { recursive: true });
    for (const { file, replace, by } of patches) {
      const path = join(copy, file);
      const source = readFileSync(path, 'utf8');
      const pieces = source.split(replace);
      if (pieces.length !== 2) {
        throw new Error(`${file} holds ${pieces.length - 1} times, not once, what is to be replaced: ${replace}`);
      }
      writeFileSync(path, pieces.join(by));
    }
    return copy;
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
