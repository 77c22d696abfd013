import type { CertificateFields } from '../../pki/certificate-fields.js';
import { judge, type StatusCheck } from './status-check.js';

const notBefore = new Date('2026-01-01T00:00:00Z');
const notAfter = new Date('2026-12-31T00:00:00Z');
const fields = { notBefore, notAfter } as CertificateFields;
const during = new Date('2026-06-01T00:00:00Z');
const after = new Date('2027-01-01T00:00:00Z');
const before = new Date('2025-12-31T23:59:59Z');

type Outcome = StatusCheck['outcome'];
const verdict = (outcomes: readonly Outcome[], now = during) =>
  judge(
    outcomes.map((outcome) => ({ outcome }) as StatusCheck),
    fields,
    now,
  );

describe('the verdict', () => {
  it.each<[string, readonly Outcome[]]>([
    ['good', ['good', 'good']],
    ['good', ['good']],
    ['good', ['unreachable', 'good']],
    ['revoked', ['revoked', 'good']],
    ['revoked', ['good', 'revoked']],
    ['revoked', ['not believed', 'revoked']],
    ['unknown', ['unknown', 'good']],
    ['undetermined', ['not believed', 'good']],
    ['undetermined', ['unreachable', 'unreachable']],
    ['undetermined', []],
  ])('is %s of %j', (expected, outcomes) => {
    expect(verdict(outcomes)).toBe(expected);
  });

  it('is expired after its time, unless it was revoked', () => {
    expect(verdict(['good'], after)).toBe('expired');
    expect(verdict(['unknown'], after)).toBe('expired');
    expect(verdict(['revoked'], after)).toBe('revoked');
  });

  it('is not good before its time', () => {
    expect(verdict(['good'], before)).toBe('undetermined');
  });
});
