import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { RelayedConnection, type Direction } from './relayed-connection.js';

/** Which of a node's connections: the one that follows the revocation feed, or all others. */
export type Connections = 'all' | 'feed' | 'pool';

/** A statement that was caught on its way. */
export interface Catch {
  /** Resolves when the statement has come by and is held, or its answer. */
  readonly caught: Promise<void>;
  /** Lets it go on, or forgets about it when it has not come by. */
  release(): void;
}

/** Stands between one node and the database, and fails as networks do. */
export class DatabaseRelay {
  private readonly connections = new Set<RelayedConnection>();
  private readonly server = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
  private readonly traps = new Set<(connection: RelayedConnection, bytes: Buffer) => void>();
  private refusing = false;
  private delayMs = 0;
  private held: { connections: Connections; directions: readonly Direction[] } | null = null;

  private constructor(private readonly target: { host: string; port: number }) {}

  /** A relay on a free port of 127.0.0.1 in front of the server of this URL. */
  static async start(url: string): Promise<DatabaseRelay> {
    const { hostname, port } = new URL(url);
    const relay = new DatabaseRelay({ host: hostname, port: Number(port === '' ? 5432 : port) });
    await new Promise<void>((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  /** The URL with the relay's address instead of its own. */
  throughRelay(url: string): string {
    const through = new URL(url);
    through.hostname = '127.0.0.1';
    through.port = String((this.server.address() as AddressInfo).port);
    return through.toString();
  }

  /** Breaks every connection; new ones are welcome. */
  drop(which: Connections = 'all'): void {
    for (const connection of this.select(which)) connection.reset();
  }

  /** Breaks every connection, and each new one as soon as it is made. */
  refuse(): void {
    this.refusing = true;
    this.drop();
  }

  /** From here on not a byte passes, on old connections and new ones; nothing is lost, it lies in the network. */
  hold(which: Connections = 'all', directions: readonly Direction[] = ['up', 'down']): void {
    this.held = { connections: which, directions };
    for (const connection of this.select(which)) connection.hold(directions);
  }

  /** From here on each byte takes this much longer. */
  delay(milliseconds: number): void {
    this.delayMs = milliseconds;
    for (const connection of this.connections) connection.delay(milliseconds);
  }

  /** Ends every fault: what lies in the network arrives now. */
  restore(): void {
    this.refusing = false;
    this.held = null;
    this.delay(0);
    for (const connection of this.connections) connection.release();
  }

  /** Holds the next use of a prepared statement before it reaches the database, with all that follows on its connection. */
  catchStatement(name: string): Catch {
    return this.trap(name, ['up']);
  }

  /** Lets the next use of a prepared statement reach the database, and holds what comes back on its connection. */
  catchAnswer(name: string): Catch {
    return this.trap(name, ['down']);
  }

  async stop(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private trap(name: string, directions: readonly Direction[]): Catch {
    // The name of a statement stands in its Parse and Bind messages, ended by a zero byte.
    const pattern = new RegExp(`(?<![\\w-])${name}\\0`);
    let release = (): void => undefined;
    const caught = new Promise<void>((resolve) => {
      const look = (connection: RelayedConnection, bytes: Buffer): void => {
        if (!pattern.test(bytes.toString('latin1'))) return;
        this.traps.delete(look);
        connection.hold(directions);
        release = () => connection.release();
        resolve();
      };
      this.traps.add(look);
      release = () => this.traps.delete(look);
    });
    return { caught, release: () => release() };
  }

  private select(which: Connections): RelayedConnection[] {
    return [...this.connections].filter((connection) => which === 'all' || connection.isFeed === (which === 'feed'));
  }

  private accept(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.refusing) {
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.target, allowHalfOpen: true });
    const connection = new RelayedConnection(socket, upstream, {
      onSent: (bytes) => {
        for (const look of this.traps) look(connection, bytes);
        if (this.held !== null && this.select(this.held.connections).includes(connection)) {
          connection.hold(this.held.directions);
        }
      },
      onClose: () => this.connections.delete(connection),
    });
    connection.delay(this.delayMs);
    this.connections.add(connection);
  }
}
