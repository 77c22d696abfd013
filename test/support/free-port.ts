import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that systems give to connections by themselves: nobody gets one of these by chance before it is used. */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** A TCP port that nobody listens on now. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
