import { CreateFoundation1795219200000 } from '../../../migrations/1795219200000-create-foundation.js';
import { AddRevocationFeed1795222800000 } from '../../../migrations/1795222800000-add-revocation-feed.js';
import { ExtendCrls1795230000000 } from '../../../migrations/1795230000000-extend-crls.js';
import { AddOperatorsPlane1795233600000 } from '../../../migrations/1795233600000-add-operators-plane.js';

/** In the order of their stamps. */
export const MIGRATIONS = [
  CreateFoundation1795219200000,
  AddRevocationFeed1795222800000,
  ExtendCrls1795230000000,
  AddOperatorsPlane1795233600000,
] as const;
