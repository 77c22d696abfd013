/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** May be cut where the terminal is too narrow. */
  readonly shrinks?: true;
  /** How the cell is coloured. */
  readonly tone?: (row: T) => Tone;
}

export type Tone = 'good' | 'bad' | 'dim' | 'plain';

export interface TableStyle {
  /** Characters in a line; null: no limit. */
  readonly width: number | null;
  paint(text: string, tone: Tone | 'heading'): string;
}

const GAP = '  ';
const NARROWEST = 12;

/** Lays out a table that may come in parts: each continues in the columns of the one before. */
export class TableLayout<T> {
  private widths: number[] = [];
  private begun = false;

  constructor(
    private readonly columns: readonly Column<T>[],
    private readonly style: TableStyle,
  ) {}

  /** The lines of these rows; before the first of all, the heading. */
  lines(rows: readonly T[]): string[] {
    const cells = rows.map((row) => this.columns.map(({ value }) => printable(value(row))));
    this.widen(cells);
    const heading = this.begun
      ? []
      : [
          this.line(
            this.columns.map(({ title }) => title),
            () => 'heading',
          ),
        ];
    this.begun = true;
    const body = rows.map((row, index) => this.line(cells[index] ?? [], (column) => column.tone?.(row) ?? 'plain'));
    return [...heading, ...body];
  }

  private widen(cells: readonly (readonly string[])[]): void {
    this.widths = this.columns.map(({ title }, column) => {
      const longest = cells.reduce((most, row) => Math.max(most, lengthOf(row[column] ?? '')), lengthOf(title));
      return Math.max(longest, this.begun ? (this.widths[column] ?? 0) : 0);
    });
    this.shrink();
  }

  /** Takes from the widest of the columns that may be cut until the line fits, or nothing is left to take. */
  private shrink(): void {
    if (this.style.width === null) return;
    const total = (): number => this.widths.reduce((sum, width) => sum + width, GAP.length * (this.widths.length - 1));
    while (total() > this.style.width) {
      const candidates = this.columns.flatMap(({ shrinks }, index) =>
        shrinks === true && (this.widths[index] ?? 0) > NARROWEST ? [index] : [],
      );
      const widest = candidates.toSorted((a, b) => (this.widths[b] ?? 0) - (this.widths[a] ?? 0))[0];
      if (widest === undefined) return;
      this.widths[widest] = (this.widths[widest] ?? 0) - 1;
    }
  }

  private line(cells: readonly string[], toneOf: (column: Column<T>) => Tone | 'heading'): string {
    return this.columns
      .map((column, index) => {
        const width = this.widths[index] ?? 0;
        const text = cut(cells[index] ?? '', width);
        const padding = index === this.columns.length - 1 ? '' : ' '.repeat(Math.max(0, width - lengthOf(text)));
        return this.style.paint(text, toneOf(column)) + padding;
      })
      .join(GAP)
      .trimEnd();
  }
}

/** The text with whatever could move the cursor, hide, or turn the direction of writing made visible. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const UNPRINTABLE = /[\0-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

function lengthOf(text: string): number {
  return [...text].length;
}

function cut(text: string, width: number): string {
  return lengthOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`;
}
