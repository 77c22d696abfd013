import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { Signer } from '../pki/signer.js';
import { signCheckpoint, verifyCheckpoint } from './checkpoint-note.js';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const CHECKPOINT = { origin: 'certplane/test', treeSize: 42, rootHash: createHash('sha256').update('root').digest() };

const signerOf = (pair: { publicKey: KeyObject; privateKey: KeyObject }): Signer => ({
  algorithm: { name: 'ed25519', digest: null, der: Buffer.alloc(0) },
  publicKey: pair.publicKey,
  sign: (tbs) => Promise.resolve(sign(null, tbs, pair.privateKey)),
});

/** A note made by hand, as the two specifications describe it. */
function noteByHand(body: string, name = 'certplane/test', key = { publicKey, privateKey }): string {
  const raw = Buffer.from((key.publicKey.export({ format: 'jwk' }) as { x: string }).x, 'base64url');
  const id = createHash('sha256').update(`${name}\n\u0001`).update(raw).digest().subarray(0, 4);
  const signature = sign(null, Buffer.from(body), key.privateKey);
  return `${body}\n— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

const ROOT = CHECKPOINT.rootHash.toString('base64');
const BODY = `certplane/test\n42\n${ROOT}\n`;

describe('a checkpoint', () => {
  it('is signed as C2SP says, and verified', async () => {
    const note = await signCheckpoint(CHECKPOINT, signerOf({ publicKey, privateKey }));
    // Ed25519 signatures are a function of key and message.
    expect(note).toBe(noteByHand(BODY));
    expect(verifyCheckpoint(note, [other.publicKey, publicKey])).toEqual(CHECKPOINT);
  });

  it('may be of the empty tree', () => {
    const note = noteByHand(`certplane/test\n0\n${ROOT}\n`);
    expect(verifyCheckpoint(note, [publicKey]).treeSize).toBe(0);
  });

  it('does not verify under another key, or when anything in it was changed', () => {
    const note = noteByHand(BODY);
    expect(() => verifyCheckpoint(note, [other.publicKey])).toThrow('not by the key of this log');
    expect(() => verifyCheckpoint(note, [])).toThrow('not by the key of this log');
    for (let index = 0; index < note.length; index++) {
      const changed = note.slice(0, index) + (note[index] === 'B' ? 'C' : 'B') + note.slice(index + 1);
      expect(() => verifyCheckpoint(changed, [publicKey])).toThrow(/checkpoint/);
    }
  });

  it('does not verify in any shorter or longer form', () => {
    const note = noteByHand(BODY);
    for (let length = 0; length < note.length; length++) {
      expect(() => verifyCheckpoint(note.slice(0, length), [publicKey])).toThrow(/checkpoint/);
    }
    for (const more of ['\n', ' ', note, 'x'.repeat(10_000)]) {
      expect(() => verifyCheckpoint(note + more, [publicKey])).toThrow('no checkpoint');
    }
  });

  it.each([
    ['a size with a zero in front', `certplane/test\n042\n${ROOT}\n`],
    ['a size that can not be counted', `certplane/test\n9999999999999999\n${ROOT}\n`],
    ['a negative size', `certplane/test\n-1\n${ROOT}\n`],
    ['a root that is too short', `certplane/test\n42\n${Buffer.alloc(31).toString('base64')}\n`],
    ['a root that is written in another way', `certplane/test\n42\n${ROOT.slice(0, -2)}B=\n`],
    ['no origin', `\n42\n${ROOT}\n`],
    ['a line more', `certplane/test\n42\n${ROOT}\nmore\n`],
  ])('is refused with %s, whoever signed it', (_, body) => {
    expect(() => verifyCheckpoint(noteByHand(body), [publicKey])).toThrow('no checkpoint');
  });

  it('is refused when it is signed as another log', () => {
    const note = noteByHand(BODY, 'certplane/other');
    expect(() => verifyCheckpoint(note, [publicKey])).toThrow('no signature of its own log');
  });

  it('says so when it is given a key that signs no checkpoints', () => {
    const { publicKey: ec } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(() => verifyCheckpoint(noteByHand(BODY), [ec])).toThrow('Ed25519');
  });
});
