import { DomainError } from '../platform/errors/domain-error.js';
import type { IssuerEntity } from './issuer.entity.js';
import { validityPeriod } from './validity-period.js';

const NOW = new Date('2026-11-21T10:00:00.750Z');
const issuer = (notBefore: string, notAfter: string) =>
  ({ id: 'iss-test', notBefore: new Date(notBefore), notAfter: new Date(notAfter) }) as IssuerEntity;

describe('validityPeriod', () => {
  it.each([
    [90 * 86_400, '2026-11-21T09:55:00.000Z'],
    [3600, '2026-11-21T09:55:00.000Z'],
    [600, '2026-11-21T09:59:00.000Z'],
    [60, '2026-11-21T09:59:54.000Z'],
  ])(
    'of %d s begins at %s, a tenth of it ago at most, and lasts exactly so long, both ends included',
    (seconds, begin) => {
      const { notBefore, notAfter } = validityPeriod(NOW, seconds);
      expect(notBefore.toISOString()).toBe(begin);
      expect((notAfter.getTime() - notBefore.getTime()) / 1000 + 1).toBe(seconds);
    },
  );

  it('does not begin before its issuer', () => {
    const { notBefore, notAfter } = validityPeriod(NOW, 3600, issuer('2026-11-21T09:58:00Z', '2030-01-01T00:00:00Z'));
    expect(notBefore.toISOString()).toBe('2026-11-21T09:58:00.000Z');
    expect(notAfter.toISOString()).toBe('2026-11-21T10:57:59.000Z');
  });

  it('may end with its issuer, and not a second later', () => {
    const end = (notAfter: string) => validityPeriod(NOW, 3600, issuer('2026-01-01T00:00:00Z', notAfter));
    expect(end('2026-11-21T10:54:59Z').notAfter.toISOString()).toBe('2026-11-21T10:54:59.000Z');
    expect(() => end('2026-11-21T10:54:58Z')).toThrow(DomainError);
  });

  it.each([
    ['2026-11-23T12:00:00Z', '2d'],
    ['2026-11-21T13:30:00Z', '3h'],
    ['2026-11-21T10:10:00Z', '599s'],
    ['2026-11-20T00:00:00Z', '0s'],
  ])('says how much may be asked of an issuer that ends at %s: %s', (notAfter, most) => {
    const ask = (seconds: number) => validityPeriod(NOW, seconds, issuer('2026-01-01T00:00:00Z', notAfter));
    expect(() => ask(10 * 86_400)).toThrow(
      `A validity of 10d would outlive the issuer iss-test, which expires on ${new Date(notAfter).toISOString()}. Ask for at most ${most}.`,
    );
  });

  it('grants what it says may be asked for', () => {
    for (const minutes of [1, 5, 59, 61, 1439, 1441, 100_000]) {
      const end = new Date(NOW.getTime() + minutes * 60_000);
      const parent = issuer('2026-01-01T00:00:00Z', end.toISOString());
      try {
        validityPeriod(NOW, 3650 * 86_400, parent);
      } catch (error) {
        const [, amount, unit] = /at most (\d+)([dhs])\./.exec((error as Error).message)!;
        const seconds = Number(amount) * { d: 86_400, h: 3600, s: 1 }[unit as 'd' | 'h' | 's'];
        expect(validityPeriod(NOW, seconds, parent).notAfter.getTime()).toBeLessThanOrEqual(end.getTime());
      }
    }
  });
});
