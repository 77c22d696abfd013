import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP relay that fails as networks do. */
export class TcpRelay {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private readonly server = createServer((socket) => this.accept(socket));
  private mode: 'forward' | 'refuse' | 'swallow' = 'forward';

  private constructor(private readonly target: { host: string; port: number }) {}

  /** A relay on a free port of 127.0.0.1 in front of the host of this URL. */
  static async start(url: string): Promise<TcpRelay> {
    const { hostname, port } = new URL(url);
    const relay = new TcpRelay({ host: hostname, port: Number(port) });
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

  /** How many connections are open. */
  get connections(): number {
    return this.pairs.size;
  }

  /** Lets new connections through; the old ones stay as they are. */
  forward(): void {
    this.mode = 'forward';
  }

  /** Ends every connection, and each new one as soon as it is made. */
  refuse(): void {
    this.mode = 'refuse';
    this.drop();
  }

  /** Ends every connection; new ones are welcome. */
  drop(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** From here on not a byte passes, on old connections for ever, on new ones that are made until `forward`. */
  swallow(): void {
    this.mode = 'swallow';
    for (const [left, right] of this.pairs) silence(left, right);
  }

  async stop(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.mode === 'refuse') {
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(this.target);
    upstream.on('error', () => undefined);
    const pair = [socket, upstream] as const;
    this.pairs.add(pair);
    for (const [one, other] of [pair, [upstream, socket] as const]) {
      one.once('close', () => {
        other.destroy();
        this.pairs.delete(pair);
      });
    }
    if (this.mode === 'swallow') return;
    socket.pipe(upstream);
    upstream.pipe(socket);
  }
}

function silence(left: Socket, right: Socket): void {
  for (const socket of [left, right]) {
    socket.unpipe();
    socket.resume();
  }
}
