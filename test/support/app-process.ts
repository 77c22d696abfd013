import { spawn, type ChildProcess } from 'node:child_process';
import { waitUntil } from './wait-until.js';

/** The compiled app as a process of its own. */
export class AppProcess {
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private over = false;
  stdout = '';
  stderr = '';

  /** @param env the CERTPLANE_ variables; those of this process are not passed on */
  constructor(env: Readonly<Record<string, string>>) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
    this.child = spawn(process.execPath, ['dist/src/main.js'], {
      env: { ...Object.fromEntries(own), CERTPLANE_LOG_LEVEL: 'error', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString('utf8')));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString('utf8')));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code) => {
        this.over = true;
        resolve(code);
      }),
    );
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  get running(): boolean {
    return !this.over;
  }

  /** Waits until the app says that it runs. */
  async ready(): Promise<this> {
    await waitUntil(`the app runs`, () => this.over || this.stdout.includes('npm run tour\n'), 40_000);
    if (this.over) throw new Error(`The app ended:\n${this.output}`);
    return this;
  }

  /** The exit code; null after a signal. */
  exit(): Promise<number | null> {
    return this.ended;
  }

  /** Sends a signal and waits for the end; the exit code. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.over) this.child.kill(signal);
    return this.ended;
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
