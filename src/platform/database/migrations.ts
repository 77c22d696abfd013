import { CreateFoundation1795219200000 } from '../../../migrations/1795219200000-create-foundation.js';

/** In the order of their stamps. */
export const MIGRATIONS = [CreateFoundation1795219200000] as const;
