import type { IncomingMessage } from 'node:http';
import { acceptsGzip } from './content-coding.js';

const accepts = (header: string): boolean =>
  acceptsGzip({ headers: { 'accept-encoding': header } } as unknown as IncomingMessage);

describe('acceptsGzip', () => {
  it.each(['gzip', 'GZIP', 'br, gzip', 'gzip;q=0.5', 'deflate , gzip ; q=0.001 , *;q=0', 'gzip;q=1'])(
    'is true for %j',
    (header) => {
      expect(accepts(header)).toBe(true);
    },
  );

  it.each(['', 'br', 'xgzip', 'gzipx', 'gzip;q=0', 'gzip; q=0.000', 'identity', ',', ';q=1'])(
    'is false for %j',
    (header) => {
      expect(accepts(header)).toBe(false);
    },
  );

  it('is false without the header', () => {
    expect(acceptsGzip({ headers: {} } as IncomingMessage)).toBe(false);
  });
});
