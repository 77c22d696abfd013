import type { Request } from 'express';
import type { ErrorCode } from '../errors/domain-error.js';

/** Is told of calls that are refused before they reach their route. */
export abstract class RefusedCalls {
  abstract note(request: Request, code: ErrorCode): void;
}
