const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const HEADER_BYTES = SIGNATURE.length + 8;

/** A value of a row: its bytes in PostgreSQL's binary form, or null. Valid only while the row is being handled. */
export type CopyField = Buffer | null;

/** Splits the stream of `COPY … TO STDOUT (FORMAT binary)` into rows, whatever the chunks are. */
export class CopyBinaryReader {
  private rest: Buffer = Buffer.alloc(0);
  private headerRead = false;
  private trailerRead = false;

  /** True once the stream said that it is complete: one that broke off never does. */
  get complete(): boolean {
    return this.trailerRead;
  }

  /** Calls `onRow` for every row that has come in whole. @throws Error when the bytes are no binary COPY */
  push(chunk: Buffer, onRow: (fields: readonly CopyField[]) => void): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
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
      const row = readRow(bytes, at);
      if (row === null) break;
      onRow(row.fields);
      at = row.end;
    }
    this.rest = bytes.subarray(at);
  }
}

/** Where the header ends, as far as is known yet. */
function findHeaderEnd(bytes: Buffer): number {
  if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw new Error('not a binary COPY stream');
  return HEADER_BYTES + bytes.readUInt32BE(SIGNATURE.length + 4);
}

function readRow(bytes: Buffer, start: number): { fields: CopyField[]; end: number } | null {
  const count = bytes.readInt16BE(start);
  const fields: CopyField[] = [];
  let at = start + 2;
  for (let index = 0; index < count; index++) {
    if (bytes.length - at < 4) return null;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) {
      fields.push(null);
      continue;
    }
    if (bytes.length - at < length) return null;
    fields.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { fields, end: at };
}
