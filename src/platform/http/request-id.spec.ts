import type { IncomingMessage, ServerResponse } from 'node:http';
import { identifyRequest, requestIdOf } from './request-id.js';

function identify(offered?: string | string[]): { id: string | null; said: unknown } {
  const request = { headers: offered === undefined ? {} : { 'x-request-id': offered } } as IncomingMessage;
  let said: unknown;
  const response = { setHeader: (_: string, value: unknown) => (said = value) } as unknown as ServerResponse;
  identifyRequest(request, response);
  return { id: requestIdOf(request), said };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('identifyRequest', () => {
  it.each(['abcdefgh', 'A.b_c-0123', 'x'.repeat(64)])('takes the well-formed id %s', (offered) => {
    expect(identify(offered)).toEqual({ id: offered, said: offered });
  });

  it.each(['', 'short', 'x'.repeat(65), 'with space', 'line\nbreak', 'quote"quote', 'ünïcode-id', '<script>alert'])(
    'makes its own instead of %j',
    (offered) => {
      const { id, said } = identify(offered);
      expect(id).toMatch(UUID);
      expect(said).toBe(id);
    },
  );

  it('makes its own when none or several are offered, another each time', () => {
    const ids = [identify().id, identify().id, identify(['abcdefgh', 'ijklmnop']).id];
    for (const id of ids) expect(id).toMatch(UUID);
    expect(new Set(ids).size).toBe(3);
  });

  it('is null for a request that was never identified', () => {
    expect(requestIdOf({ headers: {} } as IncomingMessage)).toBeNull();
  });
});
