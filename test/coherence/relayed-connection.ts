import type { Socket } from 'node:net';

/** Up is to the database, down is to the node. */
export type Direction = 'up' | 'down';

interface Watcher {
  /** Before bytes of the node go on. */
  onSent(bytes: Buffer): void;
  onClose(): void;
}

/** One connection through the relay: two queues of bytes that can be held and delayed. */
export class RelayedConnection {
  /** Whether it follows the revocation feed; known from its first message on. */
  isFeed = false;
  private readonly lanes: Readonly<Record<Direction, Lane>>;
  private begun = false;

  constructor(
    private readonly node: Socket,
    private readonly database: Socket,
    watcher: Watcher,
  ) {
    this.lanes = { up: new Lane(database), down: new Lane(node) };
    node.on('data', (bytes: Buffer) => {
      if (!this.begun) {
        this.begun = true;
        this.isFeed = bytes.includes('certplane-feed');
      }
      watcher.onSent(bytes);
      this.lanes.up.push(bytes);
    });
    database.on('data', (bytes: Buffer) => this.lanes.down.push(bytes));
    this.passOnEnd(node, this.lanes.up);
    this.passOnEnd(database, this.lanes.down);
    let open = 2;
    for (const socket of [node, database]) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        open -= 1;
        if (open === 0) watcher.onClose();
      });
    }
  }

  hold(directions: readonly Direction[]): void {
    for (const direction of directions) this.lanes[direction].hold();
  }

  release(): void {
    this.lanes.up.release();
    this.lanes.down.release();
  }

  delay(milliseconds: number): void {
    this.lanes.up.delayMs = milliseconds;
    this.lanes.down.delayMs = milliseconds;
  }

  reset(): void {
    for (const socket of [this.node, this.database]) {
      // A socket that is shutting down can't be reset: its handle would never close.
      if (socket.writableEnded || socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  /** The other side learns of an end when the bytes before it have arrived. */
  private passOnEnd(socket: Socket, lane: Lane): void {
    socket.on('error', () => undefined);
    socket.once('end', () => lane.push(null));
    socket.once('close', () => lane.push(null));
  }
}

/** One direction. */
class Lane {
  delayMs = 0;
  private readonly queue: { readonly bytes: Buffer | null; readonly dueMs: number }[] = [];
  private held = false;
  private ended = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly to: Socket) {}

  /** Null is the end. */
  push(bytes: Buffer | null): void {
    if (this.ended) return;
    this.ended = bytes === null;
    this.queue.push({ bytes, dueMs: performance.now() + this.delayMs });
    this.pump();
  }

  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    this.pump();
  }

  private pump(): void {
    while (!this.held && this.timer === null) {
      const [next] = this.queue;
      if (next === undefined) return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => {
          this.timer = null;
          this.pump();
        }, waitMs);
        return;
      }
      this.queue.shift();
      if (next.bytes === null) this.to.end();
      else if (this.to.writable) this.to.write(next.bytes);
    }
  }
}
