import { EVERYTHING, hasCertificate, isUnlimited, isWithin, requireProfile, type Scope } from './scope.js';

const scope = (issuerIds: string[] | null, profiles: string[] | null): Scope => ({ issuerIds, profiles });

describe('a scope', () => {
  it('holds a certificate when it holds both its issuer and its profile', () => {
    const certificate = { issuerId: 'a', profile: 'leaf' };
    expect(hasCertificate(EVERYTHING, certificate)).toBe(true);
    expect(hasCertificate(scope(['a'], ['leaf']), certificate)).toBe(true);
    expect(hasCertificate(scope(['b'], ['leaf']), certificate)).toBe(false);
    expect(hasCertificate(scope(['a'], ['intermediate']), certificate)).toBe(false);
    expect(hasCertificate(scope([], null), certificate)).toBe(false);
  });

  it.each([
    [scope(null, null), EVERYTHING, true],
    [scope(['a'], ['leaf']), EVERYTHING, true],
    [EVERYTHING, scope(['a'], null), false],
    [scope(['a'], null), scope(['a', 'b'], null), true],
    [scope(['a', 'c'], null), scope(['a', 'b'], null), false],
    [scope(['a'], null), scope(['a'], ['leaf']), false],
    [scope([], []), scope(['a'], ['leaf']), true],
  ])('%j is within %j: %s', (inner, outer, within) => {
    expect(isWithin(inner, outer)).toBe(within);
  });

  it('is unlimited only where neither is limited', () => {
    expect([EVERYTHING, scope(['a'], null), scope(null, ['leaf'])].map(isUnlimited)).toEqual([true, false, false]);
  });

  it('says which profiles it has', () => {
    expect(() => requireProfile(scope(null, ['leaf']), 'leaf')).not.toThrow();
    expect(() => requireProfile(scope(null, ['leaf']), 'intermediate')).toThrow(/profiles only: leaf\./);
  });
});
