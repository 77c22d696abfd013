import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { TrailItem } from '../trail.js';
import { SINK_TIMEOUT_MS, type AuditSink } from './audit-sink.js';
import { formatSyslogMessage, frameSyslogMessage } from './syslog-message.js';

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  /** PEM; null: the CAs that Node.js trusts. */
  readonly ca: string | null;
}

/**
 * Syslog over TLS (RFC 5425). Syslog acknowledges nothing, but the end of a connection is answered: a receiver has to reply
 * to a close_notify with its own (section 4.4), and it reads all that came before it first. So each batch has a connection
 * of its own, and has arrived when the receiver has closed it in reply.
 */
export class SyslogSink implements AuditSink {
  readonly name = 'syslog';

  constructor(
    private readonly target: SyslogTarget,
    private readonly hostname: string,
  ) {}

  async send(items: readonly TrailItem[], signal: AbortSignal): Promise<void> {
    const frames = items.map((item) => frameSyslogMessage(formatSyslogMessage(item, this.hostname)));
    const socket = this.connect();
    const abort = (): void => void socket.destroy(new Error('forwarding was stopped'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      await deliver(socket, Buffer.from(frames.join(''), 'latin1'));
    } finally {
      signal.removeEventListener('abort', abort);
      socket.destroy();
    }
  }

  private connect(): TLSSocket {
    const { host, port, ca } = this.target;
    return connect({
      host,
      port,
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === null ? {} : { ca }),
    });
  }
}

function deliver(socket: TLSSocket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let closing = false;
    socket.setTimeout(SINK_TIMEOUT_MS, () => socket.destroy(new Error('the syslog server did not answer in time')));
    socket.once('error', reject);
    socket.once('end', () => {
      if (closing) resolve();
      else reject(new Error('the syslog server closed the connection'));
    });
    socket.once('close', () => reject(new Error('the connection to the syslog server broke')));
    // What the server says is of no use, but must be read for its end to be seen.
    socket.resume();
    socket.write(bytes, () => {
      closing = true;
      socket.end();
    });
  });
}
