import { generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { LocalSigner } from './local-signer.js';

const CASES: readonly [string, { publicKey: KeyObject; privateKey: KeyObject }][] = [
  ['ECDSA P-256', generateKeyPairSync('ec', { namedCurve: 'prime256v1' })],
  ['ECDSA P-521', generateKeyPairSync('ec', { namedCurve: 'secp521r1' })],
  ['Ed25519', generateKeyPairSync('ed25519')],
  ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
];

describe('LocalSigner', () => {
  it.each(CASES)('signs short and long input with %s, and counts', async (_, { publicKey, privateKey }) => {
    let signatures = 0;
    const signer = new LocalSigner(privateKey, () => (signatures += 1));
    expect(signer.publicKey.equals(publicKey)).toBe(true);
    for (const input of [Buffer.from('short'), Buffer.alloc(100_000, 7)]) {
      const signature = await signer.sign(input);
      expect(verify(signer.algorithm.digest, input, publicKey, signature)).toBe(true);
    }
    expect(signatures).toBe(2);
  });

  it('does not sign with keys of other kinds', () => {
    const { privateKey } = generateKeyPairSync('x25519');
    expect(() => new LocalSigner(privateKey, () => undefined)).toThrow('keys of this kind do not sign here');
  });
});
