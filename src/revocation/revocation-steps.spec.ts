import type { Revocation } from '../certificates/certificate-revocations.js';
import { REVOCATION_REASONS, type RevocationReason } from '../pki/revocation-reason.js';
import { decideRevocation, type RevocationRequest } from './revocation-steps.js';

const day = (number: number): Date => new Date(Date.UTC(2026, 0, number));
const NOW = day(20);
const HELD: Revocation = { revokedAt: day(10), revocationReason: 'certificateHold', invalidityDate: day(5) };

function ask(reason: RevocationReason, more: Partial<RevocationRequest> = {}): RevocationRequest {
  return { reason, revokedAt: null, invalidityDate: null, ...more };
}

const revoked = (revocationReason: RevocationReason, more: Partial<Revocation> = {}): Revocation => ({
  revokedAt: day(10),
  revocationReason,
  invalidityDate: null,
  ...more,
});

const FINAL = REVOCATION_REASONS.filter((reason) => reason !== 'certificateHold');

describe('a revoke call for a certificate that is not revoked', () => {
  it.each(REVOCATION_REASONS)('revokes it from now on: %s', (reason) => {
    expect(decideRevocation(null, ask(reason), NOW)).toEqual({
      action: reason === 'certificateHold' ? 'hold' : 'revoke',
      revocation: revoked(reason, { revokedAt: NOW }),
    });
  });

  it('revokes it from an earlier date on when it says so, and keeps the invalidity date', () => {
    const asked = ask('keyCompromise', { revokedAt: day(3), invalidityDate: day(2) });
    expect(decideRevocation(null, asked, NOW)?.revocation).toEqual(
      revoked('keyCompromise', { revokedAt: day(3), invalidityDate: day(2) }),
    );
  });
});

describe('a revoke call for a certificate on hold', () => {
  it.each(FINAL)('makes it final from the beginning of the hold on: %s', (reason) => {
    expect(decideRevocation(HELD, ask(reason), NOW)).toEqual({
      action: 'revoke',
      revocation: { ...HELD, revocationReason: reason },
    });
  });

  it.each([
    ['an earlier date moves back', day(4), day(4)],
    ['a later one does not count', day(15), day(10)],
  ])('takes a date: %s', (_, asked, expected) => {
    expect(decideRevocation(HELD, ask('superseded', { revokedAt: asked }), NOW)?.revocation).toMatchObject({
      revokedAt: expected,
    });
  });

  it('takes another invalidity date', () => {
    const asked = ask('keyCompromise', { invalidityDate: day(1) });
    expect(decideRevocation(HELD, asked, NOW)?.revocation).toMatchObject({ invalidityDate: day(1) });
  });

  it('changes nothing when it asks for a hold, whatever the dates', () => {
    const asked = ask('certificateHold', { revokedAt: day(1), invalidityDate: day(1) });
    expect(decideRevocation(HELD, asked, NOW)).toBeNull();
  });
});

describe('a revoke call for a certificate that is revoked for good', () => {
  const others = FINAL.filter((reason) => reason !== 'keyCompromise');

  it.each(others)('corrects %s to keyCompromise, and its dates', (reason) => {
    expect(decideRevocation(revoked(reason), ask('keyCompromise'), NOW)).toEqual({
      action: 'correct',
      revocation: revoked('keyCompromise'),
    });
    const asked = ask('keyCompromise', { revokedAt: day(7), invalidityDate: day(6) });
    expect(decideRevocation(revoked(reason), asked, NOW)).toEqual({
      action: 'correct',
      revocation: { revokedAt: day(7), revocationReason: 'keyCompromise', invalidityDate: day(6) },
    });
  });

  const asked = REVOCATION_REASONS.filter((reason) => reason !== 'keyCompromise');

  it.each(others.flatMap((reason) => asked.map((next) => [reason, next] as const)))(
    'changes nothing otherwise: %s, asked for %s',
    (reason, next) => {
      const request = ask(next, { revokedAt: day(1), invalidityDate: day(1) });
      expect(decideRevocation(revoked(reason), request, NOW)).toBeNull();
    },
  );

  describe('for keyCompromise', () => {
    const current = revoked('keyCompromise', { invalidityDate: day(5) });

    it.each<[what: string, request: Partial<RevocationRequest>, changed: Partial<Revocation>]>([
      ['an earlier date', { revokedAt: day(9) }, { revokedAt: day(9) }],
      ['an earlier invalidity date', { invalidityDate: day(4) }, { invalidityDate: day(4) }],
      ['a later invalidity date', { invalidityDate: day(6) }, { invalidityDate: day(6) }],
      [
        'a later date beside an invalidity date',
        { revokedAt: day(11), invalidityDate: day(6) },
        { invalidityDate: day(6) },
      ],
    ])('takes %s', (_, request, changed) => {
      expect(decideRevocation(current, ask('keyCompromise', request), NOW)).toEqual({
        action: 'correct',
        revocation: { ...current, ...changed },
      });
    });

    it.each<[what: string, request: Partial<RevocationRequest>]>([
      ['no date', {}],
      ['the same dates', { revokedAt: day(10), invalidityDate: day(5) }],
      ['a later date', { revokedAt: day(11) }],
    ])('changes nothing for %s', (_, request) => {
      expect(decideRevocation(current, ask('keyCompromise', request), NOW)).toBeNull();
    });

    it.each(asked)('stays when asked for %s', (reason) => {
      expect(decideRevocation(current, ask(reason, { revokedAt: day(1) }), NOW)).toBeNull();
    });
  });
});
