import type { OcspErrorStatus } from '../pki/ocsp-response.js';

/** The OCSP error status that answers a request. */
export class OcspRefusal extends Error {
  constructor(readonly status: OcspErrorStatus) {
    super(status);
    this.name = 'OcspRefusal';
  }
}
