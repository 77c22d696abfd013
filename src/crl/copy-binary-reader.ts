/** What a binary COPY begins with. */
export const COPY_SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = COPY_SIGNATURE.length + 8;
const NULL = -1;
const SHORT_BYTES = 32;
const SPLIT_ROW_BYTES = 1024;

/** The row that a reader is at: one object for all of them, valid only while the row is being handled. */
export class CopyRow {
  /** How many values the row has. */
  columns = 0;
  private source: Buffer = Buffer.alloc(0);
  private readonly starts: number[] = [];
  private readonly lengths: number[] = [];
  /** By their length: millions of short values make no garbage. */
  private readonly shortValues: Buffer[] = [];

  /** A value in PostgreSQL's binary form; null where it is NULL, or there is no such column. Valid until the next is asked for. */
  bytes(column: number): Buffer | null {
    const start = this.starts[column] ?? 0;
    const length = this.lengthOf(column);
    if (length === NULL) return null;
    if (length > SHORT_BYTES) return this.source.subarray(start, start + length);
    const value = (this.shortValues[length] ??= Buffer.alloc(length));
    for (let i = 0; i < length; i++) value[i] = this.source[start + i]!;
    return value;
  }

  /** A value of the type integer or bigint, as near as a number comes to it. */
  integer(column: number): number | null {
    const start = this.starts[column] ?? 0;
    const length = this.lengthOf(column);
    if (length === NULL) return null;
    if (length === 4) return this.source.readInt32BE(start);
    if (length === 8) return this.source.readInt32BE(start) * 2 ** 32 + this.source.readUInt32BE(start + 4);
    throw new Error(`an integer of ${length} bytes`);
  }

  /** Takes the row that begins here; where it ends, or -1 while its end has not come in. */
  read(source: Buffer, start: number): number {
    this.source = source;
    this.columns = source.readInt16BE(start);
    let at = start + 2;
    for (let column = 0; column < this.columns; column++) {
      if (source.length - at < 4) return -1;
      const length = source.readInt32BE(at);
      at += 4;
      this.starts[column] = at;
      this.lengths[column] = length;
      if (length === NULL) continue;
      at += length;
      if (at > source.length) return -1;
    }
    return at;
  }

  private lengthOf(column: number): number {
    return column < this.columns ? (this.lengths[column] ?? NULL) : NULL;
  }
}

/** Splits the stream of `COPY … TO STDOUT (FORMAT binary)` into rows, whatever the chunks are. */
export class CopyBinaryReader {
  private readonly row = new CopyRow();
  private rest: Buffer = Buffer.alloc(0);
  private headerRead = false;
  private trailerRead = false;

  /** True once the stream said that it is complete: one that broke off never does. */
  get complete(): boolean {
    return this.trailerRead;
  }

  /** Calls `onRow` for every row that has come in whole. @throws Error when the bytes are no binary COPY */
  push(chunk: Buffer, onRow: (row: CopyRow) => void): void {
    const after = this.readSplitRow(chunk, onRow);
    const bytes = after > 0 || this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = after;
    if (!this.headerRead) {
      at = findHeaderEnd(bytes);
      if (bytes.length < at) {
        this.rest = bytes;
        return;
      }
      this.headerRead = true;
    }
    while (!this.trailerRead && bytes.length - at >= 2) {
      if (bytes.readInt16BE(at) === -1) {
        this.trailerRead = true;
        break;
      }
      const end = this.row.read(bytes, at);
      if (end === -1) break;
      onRow(this.row);
      at = end;
    }
    this.rest = bytes.subarray(at);
  }

  /** Where a short row ends that began in the last chunk, so that the rest of this one need not be copied; 0 for all others. */
  private readSplitRow(chunk: Buffer, onRow: (row: CopyRow) => void): number {
    if (!this.headerRead || this.trailerRead || this.rest.length === 0) return 0;
    const joined = Buffer.concat([this.rest, chunk.subarray(0, SPLIT_ROW_BYTES)]);
    if (joined.length < 2 || joined.readInt16BE() === -1) return 0;
    const end = this.row.read(joined, 0);
    if (end === -1) return 0;
    onRow(this.row);
    return end - this.rest.length;
  }
}

/** Where the header ends, as far as is known yet. */
function findHeaderEnd(bytes: Buffer): number {
  if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
  if (!bytes.subarray(0, COPY_SIGNATURE.length).equals(COPY_SIGNATURE)) throw new Error('not a binary COPY stream');
  return HEADER_BYTES + bytes.readUInt32BE(COPY_SIGNATURE.length + 4);
}
