import { z } from 'zod';
import { HASH_BYTES } from './merkle-tree.js';
import type { AuditEventJson } from './sealed-event.js';
import type { TrailCheckpoint, TrailEvent, TrailItem } from './trail.js';

const HASH = z
  .string()
  .regex(new RegExp(`^[0-9a-f]{${HASH_BYTES * 2}}$`))
  .transform((hex) => Buffer.from(hex, 'hex'));
const COUNT = z.int().min(0);
const NOTE = z.string().max(4096);

const LINE = z.discriminatedUnion('type', [
  /** The first: the checkpoint that this export goes on from; null at the beginning of the trail. */
  z.strictObject({
    type: z.literal('export'),
    version: z.literal(1),
    first_position: COUNT,
    after: z.strictObject({ note: NOTE, frontier: z.array(HASH).max(64) }).nullable(),
  }),
  z.strictObject({
    type: z.literal('event'),
    position: COUNT,
    leaf_hash: HASH,
    event: z.looseObject({ id: z.string() }).nullable(),
  }),
  z.strictObject({
    type: z.literal('checkpoint'),
    tree_size: COUNT,
    signed_at: z.iso.datetime(),
    key_id: z.string(),
    note: NOTE,
  }),
  /** The last: without it, the export broke off. */
  z.strictObject({ type: z.literal('end'), tree_size: COUNT }),
]);

/** A line of an export. */
export type TrailLine = z.output<typeof LINE>;

export function formatFirstLine(firstPosition: number, after: TrailCheckpoint | null): string {
  return format({
    type: 'export',
    version: 1,
    first_position: firstPosition,
    after: after === null ? null : { note: after.note, frontier: after.frontier.map(toHex) },
  });
}

/** An event or a checkpoint, as exports, the webhook and syslog have it. */
export function presentTrailItem(item: TrailItem): z.input<typeof LINE> {
  if (item.kind === 'event') {
    const { position, leafHash, event } = item.event;
    return { type: 'event', position, leaf_hash: toHex(leafHash), event };
  }
  const { treeSize, signedAt, keyId, note } = item.checkpoint;
  return { type: 'checkpoint', tree_size: treeSize, signed_at: signedAt.toISOString(), key_id: keyId, note };
}

export function formatTrailItem(item: TrailItem): string {
  return format(presentTrailItem(item));
}

export function formatLastLine(treeSize: number): string {
  return format({ type: 'end', tree_size: treeSize });
}

/** @returns null for what is no line of an export */
export function parseTrailLine(text: string): TrailLine | null {
  try {
    return LINE.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What an event line says. */
export function trailEventOf({ position, leaf_hash, event }: Extract<TrailLine, { type: 'event' }>): TrailEvent {
  return { position, leafHash: leaf_hash, eventId: event?.id ?? null, event: event as AuditEventJson | null };
}

function format(line: z.input<typeof LINE>): string {
  return `${JSON.stringify(line)}\n`;
}

function toHex(bytes: Buffer): string {
  return bytes.toString('hex');
}
