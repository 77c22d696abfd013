import { responseTimes, unknownTimes } from './ocsp-validity.js';

const NOW = new Date('2026-11-21T10:00:00.750Z');
const FAR = new Date('2027-01-01T00:00:00Z');
const at = (text: string) => new Date(`2026-11-${text}Z`);

describe('responseTimes', () => {
  it('begins five minutes ago, lasts its validity, and is due at half of it', () => {
    expect(responseTimes(NOW, 86_400, FAR)).toEqual({
      producedAt: at('21T10:00:00'),
      thisUpdate: at('21T09:55:00'),
      nextUpdate: at('22T09:55:00'),
      refreshAt: at('21T21:55:00'),
    });
  });

  it('gives up a tenth of a short validity at most', () => {
    expect(responseTimes(NOW, 600, FAR)).toEqual({
      producedAt: at('21T10:00:00'),
      thisUpdate: at('21T09:59:00'),
      nextUpdate: at('21T10:09:00'),
      refreshAt: at('21T10:04:00'),
    });
  });

  it('ends with the responder, and is due at half of what is left', () => {
    const { nextUpdate, refreshAt } = responseTimes(NOW, 86_400, at('21T10:05:00'));
    expect(nextUpdate).toEqual(at('21T10:05:00'));
    expect(refreshAt).toEqual(at('21T10:00:00'));
  });

  it.each([600, 601, 3599, 86_400, 864_000])('has whole seconds in order for a validity of %d s', (validity) => {
    for (const now of [NOW, new Date('2026-12-31T23:59:59.999Z'), new Date('2049-12-31T23:59:59Z')]) {
      const times = responseTimes(now, validity, new Date('2060-01-01T00:00:00Z'));
      for (const time of Object.values(times) as Date[]) expect(time.getTime() % 1000).toBe(0);
      expect(times.nextUpdate.getTime() - times.thisUpdate.getTime()).toBe(validity * 1000);
      expect(times.thisUpdate < times.producedAt).toBe(true);
      expect(times.producedAt < times.refreshAt).toBe(true);
      expect(times.refreshAt < times.nextUpdate).toBe(true);
    }
  });
});

describe('unknownTimes', () => {
  it('is believed for five minutes, and never beyond the responder', () => {
    expect(unknownTimes(NOW, FAR)).toMatchObject({
      producedAt: at('21T10:00:00'),
      thisUpdate: at('21T09:55:00'),
      nextUpdate: at('21T10:05:00'),
    });
    expect(unknownTimes(NOW, at('21T10:01:00')).nextUpdate).toEqual(at('21T10:01:00'));
  });
});
