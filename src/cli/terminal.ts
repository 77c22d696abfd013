import { printable, TableLayout, type Column, type TableStyle, type Tone } from './table.js';

/** As much of a stream as is needed of standard output and standard error. */
export interface OutputStream {
  write(chunk: string | Uint8Array, done?: () => void): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  hasColors?(): boolean;
}

/** A name and a value, which null leaves out. */
export type Field = readonly [name: string, value: string | null, tone?: Tone];

const COLOURS: Readonly<Record<Tone | 'heading', string>> = {
  good: '32',
  bad: '31',
  dim: '2',
  plain: '',
  heading: '1',
};

/**
 * Where results and notes go: results to standard output, as tables for people or as JSON for programs; all that is said
 * besides to standard error.
 */
export class Terminal {
  constructor(
    private readonly stdout: OutputStream,
    private readonly stderr: OutputStream,
    /** Whether results are JSON. */
    readonly json: boolean,
  ) {}

  /** Whether somebody looks at what is printed. */
  get isInteractive(): boolean {
    return this.stdout.isTTY === true;
  }

  print(line: string): void {
    this.stdout.write(`${line}\n`);
  }

  /** Text or bytes as they are, for example a certificate. */
  printRaw(contents: string | Uint8Array): void {
    this.stdout.write(contents);
  }

  /** The same, and waits until there is room for more. */
  printAll(contents: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.stdout.write(contents, () => resolve()));
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** The result: as JSON, or as a person reads it. */
  show(value: unknown, forPeople: () => void): void {
    if (this.json) this.printJson(value);
    else forPeople();
  }

  /** Names and values, one pair a line. Null is left out. */
  printFields(fields: readonly Field[]): void {
    const given = fields.filter(([, value]) => value !== null);
    const width = Math.max(...given.map(([name]) => name.length));
    for (const [name, value, tone = 'plain'] of given) {
      this.print(`${this.paint(name.padEnd(width), 'dim')}  ${this.paint(printable(value ?? ''), tone)}`);
    }
  }

  table<T>(columns: readonly Column<T>[]): TableLayout<T> {
    const style: TableStyle = {
      width: this.isInteractive ? (this.stdout.columns ?? null) : null,
      paint: (text, tone) => this.paint(text, tone),
    };
    return new TableLayout(columns, style);
  }

  printTable<T>(columns: readonly Column<T>[], rows: readonly T[]): void {
    for (const line of this.table(columns).lines(rows)) this.print(line);
  }

  /** Says something that is not the result. */
  note(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  /** Shows how far a long work is, where somebody looks. */
  progress(what: string, total: number): Progress {
    return new Progress(this.stderr.isTTY === true ? this.stderr : null, what, total);
  }

  private paint(text: string, tone: Tone | 'heading'): string {
    const code = COLOURS[tone];
    const colours = this.isInteractive && this.stdout.hasColors?.() === true;
    return colours && code !== '' && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** One line that is written over and over. */
export class Progress {
  private done = 0;

  constructor(
    private readonly stream: OutputStream | null,
    private readonly what: string,
    private readonly total: number,
  ) {
    this.draw();
  }

  advance(count = 1): void {
    this.done += count;
    this.draw();
  }

  /** Takes the line away. */
  end(): void {
    this.stream?.write('\r\u001b[K');
  }

  private draw(): void {
    const percent = this.total === 0 ? 100 : Math.floor((this.done / this.total) * 100);
    this.stream?.write(`\r\u001b[K${this.what} ${this.done} of ${this.total} (${percent} %)`);
  }
}
