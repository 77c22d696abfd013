import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sliceChunks, writeSlices } from './sliced-body.js';

const { jest } = import.meta;

const SLICE = 64 * 1024;
const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

function cut(...lengths: number[]): Buffer[] {
  let at = 0;
  return lengths.map((length) => bytes.subarray(at, (at += length)));
}

describe('sliceChunks', () => {
  const chunkings = [[200_000], [100_000, 100_000], [65_536, 65_536, 68_928], [1, 199_998, 1], [70_000, 0, 130_000]];
  const ranges = [0, 1, 2, 65_535, 65_536, 65_537, 70_000, 100_000, 131_072, 199_999, 200_000];

  it.each(chunkings.map((lengths) => [lengths.join(' + '), lengths]))(
    'gives the bytes of every range: %s',
    (_, lengths) => {
      const chunks = cut(...lengths);
      for (const start of ranges) {
        for (const end of ranges.filter((other) => other > start)) {
          const slices = [...sliceChunks(chunks, { start, end })];
          expect(Buffer.concat(slices).equals(bytes.subarray(start, end))).toBe(true);
          expect(slices.every(({ length }) => length > 0 && length <= SLICE)).toBe(true);
        }
      }
    },
  );

  it('copies nothing', () => {
    for (const slice of sliceChunks(cut(100_000, 100_000), { start: 10, end: 190_000 })) {
      expect(slice.buffer).toBe(bytes.buffer);
    }
  });
});

/** A client that takes a slice whenever it is told to. */
class Client extends EventEmitter {
  readonly received: Buffer[] = [];
  readonly connection = { destroyed: false };
  readonly request = new EventEmitter();
  socket: object | null = this.connection;
  ended = false;
  destroyed = false;

  write(slice: Buffer): boolean {
    this.received.push(slice);
    return false;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  download(slices: number): { ends: number } {
    const counted = { ends: 0 };
    const body = sliceChunks(cut(200_000), { start: 0, end: 200_000 });
    const few = (function* () {
      for (let left = slices; left > 0; left--) yield body.next().value as Buffer;
    })();
    const request = Object.assign(this.request, { socket: this.connection }) as unknown as IncomingMessage;
    writeSlices(request, this as unknown as ServerResponse, few, () => counted.ends++);
    return counted;
  }

  take(): void {
    this.emit('drain');
    jest.advanceTimersByTime(0);
  }
}

describe('writeSlices', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('writes a slice when the one before has left, and ends', () => {
    const client = new Client();
    const counted = client.download(3);
    expect(client.received).toHaveLength(1);
    client.take();
    expect(client.received).toHaveLength(2);
    client.take();
    expect([client.received.length, client.ended]).toEqual([3, false]);
    client.take();
    expect([client.received.length, client.ended, counted.ends]).toEqual([3, true, 0]);
    client.emit('close');
    expect(counted.ends).toBe(1);
    jest.advanceTimersByTime(180_000);
    expect([client.destroyed, counted.ends]).toEqual([false, 1]);
  });

  it('waits a minute for a client that takes nothing, and no longer', () => {
    const client = new Client();
    const counted = client.download(3);
    jest.advanceTimersByTime(59_000);
    client.take();
    jest.advanceTimersByTime(59_000);
    expect([client.destroyed, counted.ends]).toEqual([false, 0]);
    jest.advanceTimersByTime(4000);
    expect([client.destroyed, counted.ends]).toEqual([true, 1]);
    client.take();
    expect(client.received).toHaveLength(2);
  });

  it('waits as long for the end of what was written last', () => {
    const client = new Client();
    const counted = client.download(1);
    client.take();
    expect(client.ended).toBe(true);
    jest.advanceTimersByTime(63_000);
    expect([client.destroyed, counted.ends]).toEqual([true, 1]);
  });

  it('writes nothing to a client that has gone', () => {
    const client = new Client();
    const counted = client.download(3);
    client.emit('drain');
    client.emit('close');
    jest.advanceTimersByTime(180_000);
    expect([client.received.length, client.destroyed, counted.ends]).toEqual([1, false, 1]);
  });

  it('lets a pipelined request wait for its turn, while its connection lives', () => {
    const client = new Client();
    client.socket = null;
    const counted = client.download(3);
    jest.advanceTimersByTime(300_000);
    expect([client.destroyed, counted.ends]).toEqual([false, 0]);
    client.connection.destroyed = true;
    client.request.emit('close');
    expect([client.destroyed, counted.ends]).toEqual([false, 1]);
    jest.advanceTimersByTime(180_000);
    expect([client.destroyed, counted.ends]).toEqual([false, 1]);
  });
});
