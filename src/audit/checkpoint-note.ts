import { createHash, verify, type KeyObject } from 'node:crypto';
import type { Signer } from '../pki/signer.js';

/** How a tree stood. */
export interface Checkpoint {
  /** Which log it is of. */
  readonly origin: string;
  readonly treeSize: number;
  readonly rootHash: Buffer;
}

const ED25519_SPKI_BYTES = 44;
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;
const SIGNATURE_TYPE_ED25519 = 1;
const KEY_HASH_BYTES = 4;
const HASH_BYTES = 32;
/** Far above what any note of ours has. */
const NOTE_MAX_CHARACTERS = 4096;

const NOTE =
  /^(?<body>(?<origin>[^\s+]+)\n(?<size>0|[1-9]\d{0,15})\n(?<root>[A-Za-z0-9+/]{43}=)\n)\n— (?<name>[^\s+]+) (?<signature>[A-Za-z0-9+/]+={0,2})\n$/u;

/**
 * A checkpoint as a signed note (C2SP tlog-checkpoint and signed-note): origin, size and root hash, a line each, and the
 * Ed25519 signature.
 */
export async function signCheckpoint({ origin, treeSize, rootHash }: Checkpoint, signer: Signer): Promise<string> {
  const body = `${origin}\n${treeSize}\n${rootHash.toString('base64')}\n`;
  const signature = await signer.sign(Buffer.from(body));
  const keyed = Buffer.concat([keyHash(origin, signer.publicKey), signature]);
  return `${body}\n— ${origin} ${keyed.toString('base64')}\n`;
}

/** @throws Error that says what is wrong with the note, or that the signature is not by any of these keys */
export function verifyCheckpoint(note: string, keys: readonly KeyObject[]): Checkpoint {
  const { body, origin, size, root, name, signature } = splitNote(note);
  const keyed = decodeBase64(signature);
  if (name !== origin || keyed?.length !== KEY_HASH_BYTES + ED25519_SIGNATURE_BYTES) {
    throw new Error('the checkpoint has no signature of its own log');
  }
  const signed = keys.some(
    (key) =>
      keyHash(origin, key).equals(keyed.subarray(0, KEY_HASH_BYTES)) &&
      verify(null, Buffer.from(body), key, keyed.subarray(KEY_HASH_BYTES)),
  );
  if (!signed) throw new Error('the signature of the checkpoint is not by the key of this log');
  const treeSize = Number(size);
  const rootHash = decodeBase64(root);
  if (!Number.isSafeInteger(treeSize) || rootHash?.length !== HASH_BYTES) throw new Error(NO_NOTE);
  return { origin, treeSize, rootHash };
}

const NO_NOTE = 'this is no checkpoint: a signed note has an origin, a size, a root hash and a signature';

type NoteParts = Readonly<Record<'body' | 'origin' | 'size' | 'root' | 'name' | 'signature', string>>;

function splitNote(note: string): NoteParts {
  const parts = note.length > NOTE_MAX_CHARACTERS ? undefined : NOTE.exec(note)?.groups;
  if (parts === undefined) throw new Error(NO_NOTE);
  return parts as NoteParts;
}

/** Null where it is not written as an encoder would. */
function decodeBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** What tells the keys of a log apart (C2SP signed-note, signature type 0x01). @throws Error for a key of another kind */
function keyHash(name: string, key: KeyObject): Buffer {
  const spki = key.asymmetricKeyType === 'ed25519' ? key.export({ type: 'spki', format: 'der' }) : null;
  if (spki?.length !== ED25519_SPKI_BYTES) throw new Error('checkpoints are signed with Ed25519 keys: this is another');
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.of(SIGNATURE_TYPE_ED25519))
    .update(spki.subarray(-ED25519_KEY_BYTES))
    .digest()
    .subarray(0, KEY_HASH_BYTES);
}
