/** What was done to a trail. */
export type TrailFaultKind =
  | 'changed'
  | 'removed'
  | 'inserted'
  | 'moved'
  /** The end is missing. */
  | 'truncated'
  /** A checkpoint is none, is not signed by a known key, or is of another trail. */
  | 'checkpoint';

/** Where the trail is first not as it was sealed. The message is a sentence for the auditor. */
export class TrailFault extends Error {
  constructor(
    readonly kind: TrailFaultKind,
    message: string,
    /** The position that is concerned, or the first that may be. */
    readonly position: number,
    /** Null where the event is not there, or can't be told from others of its batch. */
    readonly eventId: string | null = null,
  ) {
    super(message);
    this.name = 'TrailFault';
  }
}
