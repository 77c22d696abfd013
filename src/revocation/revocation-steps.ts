import type { Revocation, StatusChange } from '../certificates/certificate-revocations.js';
import type { RevocationReason } from '../pki/revocation-reason.js';
import { earliest } from '../platform/clock/clock.js';

/** What a revoke call asks for. All dates are to the second. */
export interface RevocationRequest {
  readonly reason: RevocationReason;
  /** Null: from now on. */
  readonly revokedAt: Date | null;
  readonly invalidityDate: Date | null;
}

export type RevocationStep = Pick<StatusChange, 'action' | 'revocation'>;

/**
 * What a revoke call makes of a certificate; null when it changes nothing. A hold becomes final for any other reason, and has
 * been in force since it began. What is final can only be corrected to keyCompromise (CA/B BR 7.2.2). The date of a
 * revocation only ever moves back.
 * @param current null when the certificate is not revoked
 * @param now to the second
 */
export function decideRevocation(
  current: Revocation | null,
  asked: RevocationRequest,
  now: Date,
): RevocationStep | null {
  if (current === null) {
    return {
      action: isHold(asked.reason) ? 'hold' : 'revoke',
      revocation: {
        revokedAt: asked.revokedAt ?? now,
        revocationReason: asked.reason,
        invalidityDate: asked.invalidityDate,
      },
    };
  }
  const held = isHold(current.revocationReason);
  if (held ? isHold(asked.reason) : asked.reason !== 'keyCompromise') return null;
  const revocation: Revocation = {
    revokedAt: earliest(current.revokedAt, asked.revokedAt ?? current.revokedAt),
    revocationReason: asked.reason,
    invalidityDate: asked.invalidityDate ?? current.invalidityDate,
  };
  return isSame(current, revocation) ? null : { action: held ? 'revoke' : 'correct', revocation };
}

export function isHold(reason: RevocationReason): boolean {
  return reason === 'certificateHold';
}

function isSame(one: Revocation, other: Revocation): boolean {
  return (
    one.revocationReason === other.revocationReason &&
    one.revokedAt.getTime() === other.revokedAt.getTime() &&
    one.invalidityDate?.getTime() === other.invalidityDate?.getTime()
  );
}
