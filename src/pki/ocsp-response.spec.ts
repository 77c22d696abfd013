import { createHash } from 'node:crypto';
import * as pkijs from 'pkijs';
import { CERT_ID_ALGORITHMS, type CertIdAlgorithm, buildCertId } from './cert-id.js';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import { OID } from './object-identifiers.js';
import { buildOcspRequest } from './ocsp-request.js';
import {
  type CertStatus,
  type OcspErrorStatus,
  type OcspResponse,
  type SingleResponse,
  buildOcspResponse,
  ocspErrorResponse,
} from './ocsp-response.js';
import { REVOCATION_REASONS, REVOCATION_REASON_CODES } from './revocation-reason.js';
import { parseSerialNumber } from './serial-number.js';
import { type KeyAlgorithm, KEY_ALGORITHMS } from './signature-algorithm.js';
import { type LocalSigner, generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const minutes = (count: number): Date => new Date(now.getTime() + count * 60_000);
const GOOD: CertStatus = { status: 'good' };
const REVOKED: CertStatus = { status: 'revoked', revokedAt: new Date('2026-02-03T04:05:06Z'), reason: 'keyCompromise' };

interface Decoded {
  readonly data: pkijs.ResponseData;
  readonly basic: pkijs.BasicOCSPResponse;
}

/** What pkijs reads. */
function decode(der: Uint8Array): Decoded {
  const bytes = pkijs.OCSPResponse.fromBER(der).responseBytes;
  if (bytes === undefined) throw new Error('no responseBytes');
  expect(bytes.responseType).toBe(OID.pkixOcspBasic);
  const basic = pkijs.BasicOCSPResponse.fromBER(bytes.response.valueBlock.valueHexView);
  return { data: basic.tbsResponseData, basic };
}

const keyHashOf = ({ publicKeyBits }: CertificateFields): Buffer => createHash('sha1').update(publicKeyBits).digest();

describe('buildOcspResponse', () => {
  let openssl: OpensslDirectory;
  let signer: LocalSigner;
  let ca: CertificateFields;

  beforeAll(() => {
    openssl = new OpensslDirectory();
    signer = generateLocalSigner('ecdsa-p256');
    ca = parseCertificateFields(openssl.makeCa('ca', signer));
  });
  afterAll(() => {
    openssl.remove();
  });

  function single(
    certStatus: CertStatus,
    serialNumber = '0a',
    algorithm: CertIdAlgorithm = 'sha1',
    issuer = ca,
  ): SingleResponse {
    const certId = buildCertId(algorithm, issuer, parseSerialNumber(serialNumber));
    return { certId, certStatus, thisUpdate: minutes(-5), nextUpdate: minutes(60) };
  }

  function response(overrides: Partial<OcspResponse> = {}): OcspResponse {
    const responses = [single(GOOD)];
    return {
      responses,
      responderKeyHash: keyHashOf(ca),
      producedAt: now,
      nonce: null,
      certificate: null,
      ...overrides,
    };
  }

  /** What openssl says of the response to a client that trusts ca.pem. */
  function check(der: Uint8Array, options: readonly string[], status = 0): string {
    openssl.write('response.der', der);
    return openssl.run(['ocsp', '-respin', 'response.der', '-issuer', 'ca.pem', ...options], status);
  }

  describe('to openssl', () => {
    it.each<KeyAlgorithm>([...KEY_ALGORITHMS])('is signed well with an %s key', async (key) => {
      const own = generateLocalSigner(key);
      const issuer = parseCertificateFields(openssl.makeCa(key, own));
      const responses = [
        single(GOOD, '01', 'sha1', issuer),
        single(REVOKED, '02', 'sha1', issuer),
        single({ status: 'unknown' }, '03', 'sha1', issuer),
      ];
      openssl.write(
        'response.der',
        await buildOcspResponse(response({ responses, responderKeyHash: keyHashOf(issuer) }), own),
      );
      const serials = ['1', '2', '3'].flatMap((serialNumber) => ['-serial', serialNumber]);
      const said = openssl.run([
        'ocsp',
        '-respin',
        'response.der',
        '-issuer',
        `${key}.pem`,
        ...serials,
        '-VAfile',
        `${key}.pem`,
      ]);
      expect(said).toContain('Response verify OK');
      expect(said).toMatch(/^1: good$/m);
      expect(said).toMatch(/^2: revoked$/m);
      expect(said).toMatch(/^3: unknown$/m);
    });

    it('says good, with its times', async () => {
      const said = check(await buildOcspResponse(response(), signer), [
        '-serial',
        '0x0a',
        '-VAfile',
        'ca.pem',
        '-resp_text',
      ]);
      expect(said).toMatch(/^0x0a: good$/m);
      expect(said).toContain(`Produced At: ${opensslTime(now)}`);
      expect(said).toContain(`This Update: ${opensslTime(minutes(-5))}`);
      expect(said).toContain(`Next Update: ${opensslTime(minutes(60))}`);
      expect(said).toContain(`Responder Id: ${keyHashOf(ca).toString('hex').toUpperCase()}`);
    });

    it('says revoked, with the time and the reason', async () => {
      const said = check(await buildOcspResponse(response({ responses: [single(REVOKED)] }), signer), [
        '-serial',
        '0x0a',
        '-VAfile',
        'ca.pem',
      ]);
      expect(said).toMatch(/^0x0a: revoked$/m);
      expect(said).toContain('Reason: keyCompromise');
      expect(said).toContain('Revocation Time: Feb  3 04:05:06 2026 GMT');
    });

    it('holds for the certificate that is asked for and no other', async () => {
      openssl.issue('leaf', generateLocalSigner('ecdsa-p256'), 'ca', 'ff0a');
      const der = await buildOcspResponse(response({ responses: [single(REVOKED, 'ff0a')] }), signer);
      const said = check(der, ['-cert', 'leaf.pem', '-serial', '0xff0b', '-serial', '0x0a', '-VAfile', 'ca.pem'], 1);
      expect(said).toMatch(/^leaf\.pem: revoked$/m);
      expect(said).toMatch(/^0xff0b: ERROR: No Status found/m);
      expect(said).toMatch(/^0x0a: ERROR: No Status found/m);
    });

    it.each(['01', '7f', '80', '0123', 'f123', `7f${'ff'.repeat(19)}`])(
      'holds for the serial number %s',
      async (serialNumber) => {
        const der = await buildOcspResponse(response({ responses: [single(GOOD, serialNumber)] }), signer);
        expect(check(der, ['-serial', `0x${serialNumber}`, '-VAfile', 'ca.pem'])).toContain(`0x${serialNumber}: good`);
      },
    );

    it.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)(
      'is found by a client that asks with -%s, and by no other',
      async (algorithm) => {
        const der = await buildOcspResponse(response({ responses: [single(GOOD, '0a', algorithm)] }), signer);
        expect(check(der, [`-${algorithm}`, '-serial', '0x0a', '-VAfile', 'ca.pem'])).toContain('0x0a: good');
        const another = algorithm === 'sha1' ? 'sha256' : 'sha1';
        expect(check(der, [`-${another}`, '-serial', '0x0a', '-VAfile', 'ca.pem'], 1)).toContain('No Status found');
      },
    );

    it('echoes the nonce where it looks for it', async () => {
      const nonce = Buffer.alloc(32, 0xa5);
      openssl.write('request.der', buildOcspRequest([single(GOOD).certId], nonce));
      const ask = (echoed: Uint8Array | null): Promise<Buffer> =>
        buildOcspResponse(response({ nonce: echoed }), signer);
      const options = ['-reqin', 'request.der', '-VAfile', 'ca.pem'];
      expect(check(await ask(nonce), options)).not.toMatch(/nonce/i);
      expect(check(await ask(null), options)).toContain('no nonce in response');
      openssl.write('response.der', await ask(Buffer.alloc(32)));
      expect(openssl.run(['ocsp', '-respin', 'response.der', ...options], 1)).toContain('Nonce Verify error');
    });

    it('is trusted by its delegated responder certificate alone', async () => {
      const responder = generateLocalSigner('ecdsa-p256');
      const rights =
        'basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\nextendedKeyUsage = OCSPSigning\nnoCheck = ignored';
      const certificate = openssl.issue('responder', responder, 'ca', '77', rights);
      const responderKeyHash = keyHashOf(parseCertificateFields(certificate));
      const der = await buildOcspResponse(response({ certificate, responderKeyHash }), responder);
      expect(check(der, ['-serial', '0x0a', '-CAfile', 'ca.pem'])).toMatch(/^0x0a: good\n(.*\n)*Response verify OK$/m);
      expect(decode(der).basic.certs?.map((each) => Buffer.from(each.toSchema().toBER()))).toEqual([certificate]);
    });

    it('does not verify under another key', async () => {
      openssl.write('response.der', await buildOcspResponse(response(), generateLocalSigner('ecdsa-p256')));
      const said = openssl.run(
        ['ocsp', '-respin', 'response.der', '-issuer', 'ca.pem', '-serial', '0x0a', '-VAfile', 'ca.pem'],
        1,
      );
      expect(said).toContain('Response Verify Failure');
    });
  });

  describe('to pkijs', () => {
    it.each(REVOCATION_REASONS)('gives the reason %s in the CertStatus', async (reason) => {
      const certStatus: CertStatus = { status: 'revoked', revokedAt: new Date('2051-02-03T04:05:06Z'), reason };
      const { data } = decode(await buildOcspResponse(response({ responses: [single(certStatus)] }), signer));
      const decoded = data.responses[0];
      const [revokedAt, tagged] = decoded?.certStatus.valueBlock.value ?? [];
      expect(decoded?.certStatus.idBlock.tagNumber).toBe(1);
      expect(revokedAt.toDate()).toEqual(certStatus.revokedAt);
      const code = tagged?.valueBlock.value[0].valueBlock.valueDec;
      // RFC 5280 section 5.3.1: unspecified is left out.
      expect(code).toBe(reason === 'unspecified' ? undefined : REVOCATION_REASON_CODES[reason]);
      expect(decoded?.singleExtensions).toBeUndefined();
    });

    it.each(CERT_ID_ALGORITHMS)('returns the CertID of the request byte for byte with %s', async (algorithm) => {
      const asked = single(GOOD, '80ff', algorithm);
      const { data } = decode(await buildOcspResponse(response({ responses: [asked] }), signer));
      expect(data.responses.map(({ certID }) => Buffer.from(certID.toSchema().toBER()))).toEqual([asked.certId.der]);
    });

    it('has its fields in their places', async () => {
      const responses = [single(GOOD, '01'), single({ status: 'unknown' }, '02')];
      const { data, basic } = decode(
        await buildOcspResponse(response({ responses, nonce: Buffer.of(1, 2, 3) }), signer),
      );
      expect(data.producedAt).toEqual(now);
      expect(Buffer.from(data.responderID.valueBlock.valueHexView)).toEqual(keyHashOf(ca));
      expect(data.responses.map(({ thisUpdate, nextUpdate }) => [thisUpdate, nextUpdate])).toEqual(
        responses.map(() => [minutes(-5), minutes(60)]),
      );
      expect(data.responses.map(({ certStatus }) => certStatus.idBlock.tagNumber)).toEqual([0, 2]);
      expect(data.responseExtensions?.map(({ extnID, critical }) => [extnID, critical])).toEqual([
        [OID.pkixOcspNonce, false],
      ]);
      expect(Buffer.from(data.responseExtensions?.[0]?.extnValue.valueBlock.valueHexView ?? '').toString('hex')).toBe(
        '0403010203',
      );
      expect(basic.certs).toBeUndefined();
    });

    it('has no responseExtensions without a nonce', async () => {
      expect(decode(await buildOcspResponse(response(), signer)).data.responseExtensions).toBeUndefined();
    });

    it.each([127, 128, 255, 256, 65_535, 65_536])('is well formed around a nonce of %i octets', async (length) => {
      const { data } = decode(await buildOcspResponse(response({ nonce: Buffer.alloc(length, 1) }), signer));
      const value = data.responseExtensions?.[0]?.extnValue.valueBlock.valueHexView;
      expect(value?.subarray(-length)).toEqual(new Uint8Array(length).fill(1));
    });
  });

  it('cuts times to the second', async () => {
    const producedAt = new Date(now.getTime() + 999);
    expect(decode(await buildOcspResponse(response({ producedAt }), signer)).data.producedAt).toEqual(now);
  });

  it('asks the signer once, for exactly the ResponseData', async () => {
    const signed: Uint8Array[] = [];
    const recording = { ...signer, sign: (tbs: Uint8Array) => (signed.push(Buffer.from(tbs)), signer.sign(tbs)) };
    const { data } = decode(await buildOcspResponse(response({ nonce: Buffer.of(1) }), recording));
    expect(signed).toEqual([Buffer.from(data.tbsView)]);
  });

  it('has memory of its own', async () => {
    const der = await buildOcspResponse(response(), signer);
    expect(der.buffer.byteLength).toBe(der.length);
  });

  it('rejects with what the signer rejects with', async () => {
    const failing = { ...signer, sign: () => Promise.reject(new Error('the key is gone')) };
    await expect(buildOcspResponse(response(), failing)).rejects.toThrow('the key is gone');
  });

  it('refuses fields that make no response', async () => {
    const wrong: Partial<OcspResponse>[] = [
      { responses: [] },
      { responderKeyHash: Buffer.alloc(32) },
      { producedAt: new Date(Number.NaN) },
      { responses: [{ ...single(GOOD), nextUpdate: minutes(-6) }] },
      { responses: [{ ...single(GOOD), nextUpdate: new Date(Number.NaN) }] },
    ];
    for (const overrides of wrong)
      await expect(buildOcspResponse(response(overrides), signer)).rejects.toThrow(RangeError);
  });
});

describe('ocspErrorResponse', () => {
  it.each<[OcspErrorStatus, string, string]>([
    ['malformedRequest', '30030a0101', 'malformedrequest (1)'],
    ['internalError', '30030a0102', 'internalerror (2)'],
    ['tryLater', '30030a0103', 'trylater (3)'],
    ['sigRequired', '30030a0105', 'sigrequired (5)'],
    ['unauthorized', '30030a0106', 'unauthorized (6)'],
  ])('is five bytes for %s, which openssl and pkijs understand', (status, hex, text) => {
    const der = ocspErrorResponse(status);
    expect(der.toString('hex')).toBe(hex);
    expect(ocspErrorResponse(status)).toBe(der);
    expect(pkijs.OCSPResponse.fromBER(der).responseBytes).toBeUndefined();
    const openssl = new OpensslDirectory();
    try {
      openssl.write('response.der', der);
      expect(openssl.run(['ocsp', '-respin', 'response.der', '-noverify'], 1)).toContain(`Responder Error: ${text}`);
    } finally {
      openssl.remove();
    }
  });
});

function opensslTime(date: Date): string {
  const [, day = '', month = '', year = '', time = ''] = /, (\d+) (\w+) (\d+) (\S+)/.exec(date.toUTCString()) ?? [];
  return `${month} ${String(Number(day)).padStart(2)} ${time} ${year} GMT`;
}
