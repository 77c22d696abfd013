import { CreateFoundation1795219200000 } from '../../../migrations/1795219200000-create-foundation.js';
import { AddRevocationFeed1795222800000 } from '../../../migrations/1795222800000-add-revocation-feed.js';

/** In the order of their stamps. */
export const MIGRATIONS = [CreateFoundation1795219200000, AddRevocationFeed1795222800000] as const;
