import { checkCrl, type PlannedCrl } from './crl-check.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import { type CrlFields, buildCrl } from './crl.js';
import { distinguishedNameFromText } from './distinguished-name.js';
import { PkiError } from './pki-error.js';
import { generateLocalSigner } from './testing/local-signer.js';

const signer = generateLocalSigner('ecdsa-p256');
const at = (iso: string): Date => new Date(iso);

function planOf(changes: Partial<CrlFields> = {}): CrlFields {
  const entries = new CrlEntriesWriter();
  entries.add(Buffer.of(1), 0, 'keyCompromise');
  return {
    issuerDer: distinguishedNameFromText('CN=CA').der,
    authorityKeyIdentifier: Buffer.of(1, 2),
    crlNumber: 9n,
    thisUpdate: at('2026-01-01T00:00:00.999Z'),
    nextUpdate: at('2026-01-05T00:00:00.001Z'),
    issuingDistributionPoint: ['http://pki.example/crl/1'],
    expiredCertsOnCrl: at('2025-01-01T00:00:00.5Z'),
    entries,
    ...changes,
  };
}
const complete = planOf({ freshestCrl: ['http://pki.example/delta'] });
const delta = planOf({ baseCrlNumber: 8n });

describe('checkCrl', () => {
  it('returns the CRL that is what was planned, milliseconds aside', async () => {
    for (const plan of [complete, delta, planOf({ issuingDistributionPoint: null, expiredCertsOnCrl: null })]) {
      const { crlNumber, entryCount } = checkCrl(await buildCrl(plan, signer), plan, signer.publicKey);
      expect([crlNumber, entryCount]).toEqual([9n, 1]);
    }
  });

  it.each<[string, CrlFields, Partial<PlannedCrl>]>([
    ['issuer', complete, { issuerDer: distinguishedNameFromText('CN=ca').der }],
    ['authorityKeyIdentifier', complete, { authorityKeyIdentifier: Buffer.of(1) }],
    ['crlNumber', complete, { crlNumber: 10n }],
    ['baseCrlNumber', delta, { baseCrlNumber: 7n }],
    ['baseCrlNumber', delta, { baseCrlNumber: null }],
    ['issuingDistributionPoint', complete, { issuingDistributionPoint: null }],
    ['issuingDistributionPoint', complete, { issuingDistributionPoint: ['http://pki.example/crl/2'] }],
    ['freshestCrl', complete, { freshestCrl: null }],
    ['freshestCrl', delta, { freshestCrl: ['http://pki.example/delta'] }],
    ['expiredCertsOnCrl', complete, { expiredCertsOnCrl: null }],
    ['thisUpdate', complete, { thisUpdate: at('2026-01-01T00:00:01Z') }],
    ['nextUpdate', complete, { nextUpdate: at('2026-01-04T23:59:59Z') }],
    ['entries', complete, { entries: { count: 2 } }],
  ])('names %s where that differs', async (part, plan, changes) => {
    const der = await buildCrl(plan, signer);
    const check = (): unknown => checkCrl(der, { ...plan, ...changes }, signer.publicKey);
    expect(check).toThrow(new Error(`the signed CRL is not what was planned: ${part}`));
  });

  it('names the signature where another key made it, and all that differs at once', async () => {
    const der = await buildCrl(complete, generateLocalSigner('ecdsa-p256'));
    const check = (): unknown => checkCrl(der, { ...complete, crlNumber: 1n }, signer.publicKey);
    expect(check).toThrow('not what was planned: crlNumber, signature');
  });

  it('refuses bytes that are no CRL', async () => {
    const der = await buildCrl(complete, signer);
    expect(() => checkCrl(der.subarray(1), complete, signer.publicKey)).toThrow(PkiError);
  });
});
