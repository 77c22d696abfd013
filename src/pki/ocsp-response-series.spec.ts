import { CERT_ID_ALGORITHMS, buildCertId } from './cert-id.js';
import { type CertStatus, buildOcspResponse } from './ocsp-response.js';
import { OcspResponseSeries, type OcspResponseSeriesPlan } from './ocsp-response-series.js';
import { parseSerialNumber } from './serial-number.js';
import type { Signer } from './signer.js';
import { generateLocalSigner } from './testing/local-signer.js';

const at = (text: string): Date => new Date(`2026-02-03T${text}Z`);

/** Signs with as many octets as it is told: ECDSA signatures differ in length, and each time. */
function fixedSigner(bytes: number): Signer {
  const { algorithm, publicKey } = generateLocalSigner('ecdsa-p256');
  return { algorithm, publicKey, sign: (tbs) => Promise.resolve(Buffer.alloc(bytes, tbs.length)) };
}

const plan: OcspResponseSeriesPlan = {
  issuer: { subjectDer: Buffer.from('300a', 'hex'), publicKeyBits: Buffer.alloc(65, 7) },
  algorithm: 'sha256',
  responderKeyHash: Buffer.alloc(20, 9),
  certificate: Buffer.concat([Buffer.from('30820190', 'hex'), Buffer.alloc(400)]),
  producedAt: at('10:00:00.900'),
  thisUpdate: at('09:55:00'),
  nextUpdate: at('21:55:00'),
};

const STATUSES: CertStatus[] = [
  { status: 'good' },
  { status: 'unknown' },
  { status: 'revoked', revokedAt: at('08:00:00'), reason: 'unspecified' },
  { status: 'revoked', revokedAt: new Date('2051-01-01T00:00:00Z'), reason: 'keyCompromise' },
];

describe('OcspResponseSeries', () => {
  it.each(CERT_ID_ALGORITHMS)('builds the bytes of buildOcspResponse for a CertID with %s', async (algorithm) => {
    for (const signer of [fixedSigner(70), fixedSigner(72), fixedSigner(256)]) {
      const series = new OcspResponseSeries({ ...plan, algorithm }, signer);
      for (const serial of ['01', '80', '7fff', 'ff00000000000000', '7f'.repeat(20)]) {
        for (const certStatus of STATUSES) {
          const { thisUpdate, nextUpdate, producedAt, responderKeyHash, certificate } = plan;
          const certId = buildCertId(algorithm, plan.issuer, parseSerialNumber(serial));
          const responses = [{ certId, certStatus, thisUpdate, nextUpdate }];
          const single = await buildOcspResponse(
            { responses, responderKeyHash, producedAt, nonce: null, certificate },
            signer,
          );
          const built = await series.build(parseSerialNumber(serial), certStatus);
          expect(built.toString('hex')).toBe(single.toString('hex'));
        }
      }
    }
  });

  it('refuses fields that make no response', () => {
    const signer = fixedSigner(70);
    expect(() => new OcspResponseSeries({ ...plan, nextUpdate: at('09:54:59') }, signer)).toThrow(RangeError);
    expect(() => new OcspResponseSeries({ ...plan, responderKeyHash: Buffer.alloc(32) }, signer)).toThrow(RangeError);
  });

  it('refuses a serial number and a status that can not be written, and goes on', async () => {
    const series = new OcspResponseSeries(plan, fixedSigner(70));
    const good: CertStatus = { status: 'good' };
    await expect(series.build(Buffer.alloc(21, 1), good)).rejects.toMatchObject({ code: 'invalid_serial_number' });
    await expect(series.build(Buffer.alloc(2), good)).rejects.toMatchObject({ code: 'invalid_serial_number' });
    const nonsense = { status: 'revoked', revokedAt: at('08:00:00'), reason: 'nonsense' } as unknown as CertStatus;
    await expect(series.build(Buffer.of(1), nonsense)).rejects.toThrow(RangeError);
    const never: CertStatus = { status: 'revoked', revokedAt: new Date(Number.NaN), reason: 'superseded' };
    await expect(series.build(Buffer.of(1), never)).rejects.toThrow(RangeError);
    expect((await series.build(Buffer.of(1), good)).length).toBeGreaterThan(400);
  });

  it('rejects with what the signer rejects with', async () => {
    const { algorithm, publicKey } = generateLocalSigner('ecdsa-p256');
    const broken: Signer = { algorithm, publicKey, sign: () => Promise.reject(new Error('the token is out')) };
    await expect(new OcspResponseSeries(plan, broken).build(Buffer.of(1), { status: 'good' })).rejects.toThrow(
      'the token is out',
    );
  });
});
