import { createServer as createHttpServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';

/** A line of the trail, as it arrived. */
export interface ForwardedLine {
  readonly type: 'event' | 'checkpoint';
  readonly position?: number;
  readonly leaf_hash?: string;
  readonly event?: {
    readonly id: string;
    readonly action: string;
    readonly outcome: string;
    readonly [name: string]: unknown;
  };
  readonly tree_size?: number;
  readonly note?: string;
}

/** What the receivers have in common: a port that they keep while they are out. */
abstract class Receiver {
  readonly lines: ForwardedLine[] = [];

  protected constructor(protected port: number) {}

  /** The positions of the events that arrived, in the order in which they did. */
  get positions(): number[] {
    return this.lines.flatMap(({ position }) => (position === undefined ? [] : [position]));
  }

  get notes(): string[] {
    return this.lines.flatMap(({ note }) => (note === undefined ? [] : [note]));
  }
}

/** A syslog server over TLS (RFC 5425) that takes what comes, or fails as servers do. */
export class SyslogReceiver extends Receiver {
  /** The messages as they came out of their frames. */
  readonly messages: string[] = [];
  /** Connections that were made. */
  connections = 0;
  /** `break`: everything is read, and the connection reset instead of closed. */
  mode: 'take' | 'break' = 'take';
  private readonly sockets = new Set<TLSSocket>();
  private readonly raw: Socket[] = [];
  private server: ReturnType<typeof createTlsServer> | null = null;

  private constructor(private readonly tls: { readonly key: string; readonly cert: string }) {
    super(0);
  }

  static async start(tls: { readonly key: string; readonly cert: string }): Promise<SyslogReceiver> {
    const receiver = new SyslogReceiver(tls);
    await receiver.open();
    return receiver;
  }

  get url(): string {
    return `syslog+tls://localhost:${this.port}`;
  }

  async open(): Promise<void> {
    const server = createTlsServer(this.tls, (socket) => this.take(socket));
    server.on('tlsClientError', () => undefined);
    server.on('connection', (socket: Socket) => this.raw.push(socket));
    this.server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  /** Nobody listens any more. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    for (const socket of this.sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  private take(socket: TLSSocket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      bytes = this.unframe(bytes);
    });
    if (this.mode === 'break') socket.once('data', () => this.reset());
  }

  /** Breaks every connection. */
  private reset(): void {
    for (const socket of this.raw.splice(0)) socket.resetAndDestroy();
  }

  private unframe(bytes: Buffer): Buffer<ArrayBuffer> {
    let rest = Buffer.from(bytes);
    for (;;) {
      const [frame, length] = /^([1-9]\d*) /.exec(rest.subarray(0, 12).toString('latin1')) ?? [];
      if (frame === undefined) return rest;
      const end = frame.length + Number(length);
      if (rest.length < end) return rest;
      this.note(rest.subarray(frame.length, end).toString('utf8'));
      rest = rest.subarray(end);
    }
  }

  private note(message: string): void {
    this.messages.push(message);
    this.lines.push(JSON.parse(message.slice(message.indexOf('] {') + 2)) as ForwardedLine);
  }
}

/** A web server that takes what is posted, or fails as servers do. */
export class WebhookReceiver extends Receiver {
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = [];
  /** The status of its answers; 0 is none at all. Only what is answered with success counts as having arrived. */
  status = 204;
  private readonly waiting = new Set<ServerResponse>();
  private readonly server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => this.take({ headers: request.headers, body: Buffer.concat(chunks) }, response));
  });

  private constructor() {
    super(0);
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.port = (receiver.server.address() as AddressInfo).port;
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook?tenant=a`;
  }

  /** How many requests have no answer yet. */
  get unanswered(): number {
    return this.waiting.size;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(request: { headers: IncomingHttpHeaders; body: Buffer }, response: ServerResponse): void {
    this.requests.push(request);
    if (this.status === 0) {
      this.waiting.add(response);
      response.once('close', () => this.waiting.delete(response));
      return;
    }
    if (this.status < 300) {
      const lines = request.body.toString('utf8').trimEnd().split('\n');
      this.lines.push(...lines.map((line) => JSON.parse(line) as ForwardedLine));
    }
    response.writeHead(this.status, this.status === 302 ? { location: this.url } : {}).end();
  }
}
