import { CREATE_ISSUER, UPDATE_ISSUER } from './issuer.schemas.js';

describe('the settings of an issuer', () => {
  it.each([
    ['1m', 60],
    ['90s', 90],
    ['1h', 3600],
    ['7d', 604_800],
    ['0s', 0],
    ['0d', 0],
    ['off', 0],
    [null, null],
  ])('take a delta interval of %s', (written, seconds) => {
    expect(UPDATE_ISSUER.parse({ crl_delta_interval: written }).crl_delta_interval).toBe(seconds);
  });

  it.each([
    { crl_delta_interval: '59s' },
    { crl_delta_interval: '8d' },
    { crl_delta_interval: 'on' },
    { crl_delta_interval: 'off\n' },
    { crl_delta_interval: '' },
    { crl_delta_interval: 3600 },
    { crl_shards: 0 },
    { crl_shards: 1025 },
    { crl_shards: 1.5 },
    { crl_shards: '4' },
    { crl_shards: null },
    { expired_certs_on_crl: 'true' },
    { name: '' },
    { id: 'other' },
    { status: 'active' },
    {},
  ])('do not take %j', (input) => {
    expect(UPDATE_ISSUER.safeParse(input).success).toBe(false);
  });

  it('are one CRL, deltas as configured and no expired certificates, unless said otherwise', () => {
    const created = CREATE_ISSUER.parse({ id: 'root', name: 'Root', kind: 'root', subject: 'CN=Root' });
    expect(created).toMatchObject({ crl_shards: 1, crl_delta_interval: null, expired_certs_on_crl: false });
    expect(UPDATE_ISSUER.parse({ name: 'Other' })).toEqual({ name: 'Other' });
  });
});
