import { readConfig } from '../platform/config/env.js';
import { RelyingPartyAddresses } from './relying-party-addresses.js';

const addresses = (more: Record<string, string> = {}) =>
  new RelyingPartyAddresses(readConfig({ CERTPLANE_PKI_URL: 'http://pki.example.com/', ...more }));

describe('RelyingPartyAddresses', () => {
  it('name the complete CRL, or a shard of it', () => {
    const complete = 'http://pki.example.com/.well-known/pki/crl/root';
    expect(addresses().of('root', null).crl).toBe(complete);
    expect(addresses().of('root', 0).crl).toBe(`${complete}/0`);
    expect(addresses().crl('root', 1023)).toBe(`${complete}/1023`);
  });

  it('name no OCSP responder where there is none', () => {
    expect(addresses().of('root', 3)).toMatchObject({
      ocsp: 'http://pki.example.com/.well-known/pki/ocsp/root',
      caIssuers: 'http://pki.example.com/.well-known/pki/ca/root',
    });
    expect(addresses({ CERTPLANE_OCSP_ENABLED: 'false' }).of('root', 3).ocsp).toBeNull();
  });
});
