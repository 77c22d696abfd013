import type { AuditEventJson } from './sealed-event.js';

/** An event at its place in the trail. */
export interface TrailEvent {
  readonly position: number;
  /** The hash that it was sealed with. */
  readonly leafHash: Buffer;
  /** Null where only the position knows of it. */
  readonly eventId: string | null;
  /** Null when the event is gone; anything when somebody wrote it. */
  readonly event: AuditEventJson | null;
}

/** A signed statement of how the trail stood, as it is stored and handed on. */
export interface TrailCheckpoint {
  /** As it is claimed; the note says it signed. */
  readonly treeSize: number;
  readonly note: string;
  readonly signedAt: Date;
  readonly keyId: string;
  /** The hashes of the complete subtrees, largest first: they make the root that the note states. */
  readonly frontier: readonly Buffer[];
}

/** What a trail is made of, in order: each checkpoint follows the events that it is the first to cover. */
export type TrailItem =
  | { readonly kind: 'event'; readonly event: TrailEvent }
  | { readonly kind: 'checkpoint'; readonly checkpoint: TrailCheckpoint };
