import { DomainError } from '../platform/errors/domain-error.js';
import { checkCrlSettings, settingsChange } from './issuer-settings.js';

const issuer = {
  id: 'root',
  keyId: 'key' as string | null,
  name: 'Root',
  baselineRequirements: false,
  crlShards: 1,
  crlDeltaInterval: null as number | null,
  expiredCertsOnCrl: false,
};

describe('settingsChange', () => {
  it('has what differs, as columns and as the REST interface shows it', () => {
    const input = { name: 'New', crl_shards: 8, crl_delta_interval: 3600, baseline_requirements: false };
    expect(settingsChange(issuer, input)).toEqual({
      columns: { name: 'New', crlShards: 8, crlDeltaInterval: 3600 },
      before: { name: 'Root', crl_shards: 1, crl_delta_interval: null },
      after: { name: 'New', crl_shards: 8, crl_delta_interval: '1h' },
    });
  });

  it('tells 0, which is no delta CRL, from null, where the configuration says', () => {
    const off = { ...issuer, crlDeltaInterval: 0 };
    expect(settingsChange(off, { crl_delta_interval: null })).toEqual({
      columns: { crlDeltaInterval: null },
      before: { crl_delta_interval: '0s' },
      after: { crl_delta_interval: null },
    });
    expect(settingsChange(off, { crl_delta_interval: 0 })).toBeNull();
    expect(settingsChange(issuer, { crl_delta_interval: 0 })).toMatchObject({ after: { crl_delta_interval: '0s' } });
  });

  it('is null when everything is so already', () => {
    expect(settingsChange(issuer, { name: 'Root', crl_shards: 1, expired_certs_on_crl: false })).toBeNull();
  });
});

describe('checkCrlSettings', () => {
  it('refuses settings for a CRL that is published elsewhere', () => {
    const elsewhere = { ...issuer, keyId: null };
    expect(() => checkCrlSettings(elsewhere)).not.toThrow();
    for (const setting of [{ crlShards: 2 }, { crlDeltaInterval: 0 }, { expiredCertsOnCrl: true }]) {
      expect(() => checkCrlSettings({ ...elsewhere, ...setting })).toThrow(DomainError);
      expect(() => checkCrlSettings({ ...issuer, ...setting })).not.toThrow();
    }
  });
});
