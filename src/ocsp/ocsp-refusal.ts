import { OcspNonceError, OcspRequestError } from '../pki/ocsp-request.js';
import type { OcspErrorStatus } from '../pki/ocsp-response.js';
import { PkiError } from '../pki/pki-error.js';
import type { Config } from '../platform/config/env.js';
import { IssuerExpiredError } from './ocsp-responder-issuance.js';
import { BudgetExceededError } from './signing-budget.js';

/** The OCSP error status that answers a request. */
export class OcspRefusal extends Error {
  constructor(readonly status: OcspErrorStatus) {
    super(status);
    this.name = 'OcspRefusal';
  }
}

/** Some clients know one refusal only. */
export function configuredRefusal({ ocsp }: Config, standard: OcspErrorStatus): OcspErrorStatus {
  return ocsp.refusal === 'standard' ? standard : 'unauthorized';
}

/** What a request is answered that failed with this error; null when that is a fault of ours. */
export function findRefusal(error: unknown, config: Config): OcspErrorStatus | null {
  if (error instanceof OcspRefusal) return error.status;
  if (error instanceof BudgetExceededError) return 'tryLater';
  if (error instanceof OcspNonceError) return configuredRefusal(config, 'malformedRequest');
  if (error instanceof OcspRequestError || error instanceof PkiError) return 'malformedRequest';
  if (error instanceof IssuerExpiredError) return 'unauthorized';
  return null;
}
