import { z } from 'zod';
import { PAGE_QUERY, pageSchema } from '../platform/http/page.js';
import { formatPublicKey, type AuditPublicKey } from './audit-keys.js';
import type { AuditCheckpointEntity } from './audit-seal.entity.js';
import { AUDIT_KEY_EXAMPLE, CHECKPOINT_EXAMPLE } from './audit.examples.js';

export const LIST_CHECKPOINTS = z.strictObject(PAGE_QUERY);
export type ListCheckpoints = z.output<typeof LIST_CHECKPOINTS>;

const CHECKPOINT = z
  .object({
    tree_size: z.int().describe('How many events it covers: those at the positions below this.'),
    root_hash: z.string().describe('The root of the Merkle tree over them (RFC 9162), hexadecimal.'),
    signed_at: z.iso.datetime(),
    key_id: z.uuid(),
    note: z.string().describe('The checkpoint as a signed note (C2SP tlog-checkpoint), to be kept elsewhere.'),
  })
  .meta({ example: CHECKPOINT_EXAMPLE });

const PUBLIC_KEY = z.object({
  id: z.uuid(),
  public_key_pem: z.string().describe('Ed25519.'),
  created_at: z.iso.datetime(),
  retired_at: z.iso.datetime().nullable().describe('Null for the one that signs.'),
});

export const CHECKPOINT_PAGE = pageSchema(CHECKPOINT)
  .extend({
    public_keys: z.array(PUBLIC_KEY).describe('Every key that ever signed a checkpoint, the first one first.'),
  })
  .meta({ example: { items: [CHECKPOINT_EXAMPLE], next_cursor: null, public_keys: [AUDIT_KEY_EXAMPLE] } });

export function presentCheckpoint(checkpoint: AuditCheckpointEntity): z.input<typeof CHECKPOINT> {
  return {
    tree_size: Number(checkpoint.treeSize),
    root_hash: checkpoint.rootHash.toString('hex'),
    signed_at: checkpoint.signedAt.toISOString(),
    key_id: checkpoint.keyId,
    note: checkpoint.note,
  };
}

export function presentAuditKey({
  keyId,
  publicKey,
  createdAt,
  retiredAt,
}: AuditPublicKey): z.input<typeof PUBLIC_KEY> {
  return {
    id: keyId,
    public_key_pem: formatPublicKey(publicKey),
    created_at: createdAt.toISOString(),
    retired_at: retiredAt?.toISOString() ?? null,
  };
}
