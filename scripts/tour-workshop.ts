import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from './tour-terminal.js';

/** The tour can't go on, or something was not as it must be: a sentence for the person at the terminal. */
export class TourFailure extends Error {}

interface CommandResult {
  readonly code: number;
  /** Both streams. */
  readonly output: string;
}

/** A temporary folder in which openssl runs. */
export class Workshop {
  private readonly dir = mkdtempSync(join(tmpdir(), 'certplane-tour-'));

  constructor(private readonly terminal: Terminal) {}

  file(name: string, contents: string | Uint8Array): void {
    writeFileSync(join(this.dir, name), contents);
  }

  /** Runs openssl in silence, whatever its exit code. @throws TourFailure when there is no openssl */
  run(...args: string[]): CommandResult {
    const { error, status, stdout, stderr } = spawnSync('openssl', args, {
      cwd: this.dir,
      encoding: 'utf8',
      maxBuffer: 256 << 20,
    });
    if (error !== undefined && 'code' in error && error.code === 'ENOENT') {
      throw new TourFailure('There is no openssl in the PATH. The tour needs it; Certplane itself does not.');
    }
    if (error !== undefined) throw new TourFailure(`openssl did not run: ${error.message}.`);
    return { code: status ?? 1, output: (stdout + stderr).trim() };
  }

  /** Runs openssl, and shows the command and what it said. */
  show(...args: string[]): CommandResult {
    this.terminal.command(['openssl', ...args]);
    const result = this.run(...args);
    this.terminal.output(result.output);
    return result;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
