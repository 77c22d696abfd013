import { findCrlPath } from './crl-path.js';

const complete = { issuerId: 'iss-1', kind: 'complete', shard: 0 };
const delta = { issuerId: 'iss-1', kind: 'delta', shard: 0 };
const shard = (number: number) => ({ issuerId: 'iss-1', kind: 'shard', shard: number });

describe('findCrlPath', () => {
  it.each([
    ['iss-1', complete, 'der'],
    ['iss-1.crl', complete, 'der'],
    ['iss-1.pem', complete, 'pem'],
    ['iss-1/0', shard(0), 'der'],
    ['iss-1/7.crl', shard(7), 'der'],
    ['iss-1/1023.pem', shard(1023), 'pem'],
    ['iss-1/delta', delta, 'der'],
    ['iss-1/delta.crl', delta, 'der'],
    ['iss-1/delta.pem', delta, 'pem'],
  ])('understands %s', (path, scope, form) => {
    expect(findCrlPath(path)).toEqual({ issuerId: 'iss-1', wanted: { scope, form } });
  });

  it.each([
    'iss-1/',
    'iss-1/00',
    'iss-1/01',
    'iss-1/+1',
    'iss-1/-1',
    'iss-1/1e1',
    'iss-1/10000',
    'iss-1/1/2',
    'iss-1/Delta',
    'iss-1/delta/',
    'iss-1/x',
    'iss-1//0',
    'iss-1.der',
    'iss-1.crl.pem',
    'iss-1.crl/0',
    'iss-1.',
    'iss-1/0\n',
    'iss-1/٣',
  ])('finds no CRL at %j', (path) => {
    expect(findCrlPath(path)).toEqual({ issuerId: 'iss-1', wanted: null });
  });

  it.each(['', '/', '.crl', '/iss-1', 'Iss-1', 'iss_1', '%00', 'iss-1%2f0', 'i'.repeat(64), 'iss-1\n', '..%2fiss-1'])(
    'finds no issuer at %j',
    (path) => {
      expect(findCrlPath(path)).toBeNull();
    },
  );
});
