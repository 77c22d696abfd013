import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { buildCertId, type CertIdAlgorithm } from './cert-id.js';
import { type CertificateFields, parseCertificateFields } from './certificate-fields.js';
import {
  buildCertStatus,
  buildOcspResponse,
  ocspErrorResponse,
  wrapBasicResponse,
  type CertStatus,
  type OcspResponse,
  type SingleResponse,
} from './ocsp-response.js';
import { bitString, enumerated, explicit, generalizedTime, octetString, oid, sequence } from './der-writer.js';
import { OcspResponseError, parseOcspResponse, type ParsedOcspResponse } from './ocsp-response-parser.js';
import { verifyOcspResponse, type OcspQuestion, type VerifiedOcspResponse } from './ocsp-response-verification.js';
import { REVOCATION_REASONS } from './revocation-reason.js';
import {
  bitFlipsOf,
  countAccepted,
  MALFORMED,
  mutationsOf,
  prefixesOf,
  withLongerLength,
} from './testing/hostile-bytes.js';
import { generateLocalSigner, type LocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const minutes = (count: number): Date => new Date(now.getTime() + count * 60_000);
const NONCE = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const OCSP_SIGNING = 'extendedKeyUsage=OCSPSigning\nnoCheck=ignored';
const isRefusal = (error: unknown): boolean => error instanceof OcspResponseError;

let openssl: OpensslDirectory;
let caSigner: LocalSigner;
let ca: CertificateFields;
const responderSigner = generateLocalSigner('ecdsa-p256');
let responderDer: Buffer;

beforeAll(() => {
  openssl = new OpensslDirectory();
  caSigner = generateLocalSigner('ecdsa-p384');
  ca = parseCertificateFields(openssl.makeCa('ca', caSigner));
  responderDer = openssl.issue('responder', responderSigner, 'ca', 'aa', OCSP_SIGNING);
});
afterAll(() => openssl.remove());

const keyHashOf = ({ publicKeyBits }: CertificateFields): Buffer => createHash('sha1').update(publicKeyBits).digest();
const certIdOf = (serialNumber: string, algorithm: CertIdAlgorithm = 'sha256') =>
  buildCertId(algorithm, ca, Buffer.from(serialNumber, 'hex'));

function question(over: Partial<OcspQuestion> = {}): OcspQuestion {
  return { certId: certIdOf('0b'), issuer: ca, nonce: NONCE, ...over };
}

function single(over: Partial<SingleResponse> = {}): SingleResponse {
  const certStatus: CertStatus = { status: 'good' };
  return { certId: certIdOf('0b'), certStatus, thisUpdate: minutes(-5), nextUpdate: minutes(60), ...over };
}

function plan(over: Partial<OcspResponse> = {}, certStatus: CertStatus = { status: 'good' }): OcspResponse {
  return {
    responses: [single({ certStatus })],
    responderKeyHash: keyHashOf(parseCertificateFields(responderDer)),
    producedAt: now,
    nonce: NONCE,
    certificate: responderDer,
    ...over,
  };
}

function parse(der: Uint8Array): ParsedOcspResponse {
  const response = parseOcspResponse(der);
  if (response.status !== 'successful') throw new Error(`the response is ${response.status}`);
  return response;
}

async function verify(
  response: OcspResponse,
  { signer = responderSigner, asked = question(), at = now } = {},
): Promise<VerifiedOcspResponse> {
  return verifyOcspResponse(parse(await buildOcspResponse(response, signer)), asked, at);
}

describe('verifyOcspResponse', () => {
  it('believes the delegated responder, and says so', async () => {
    const verified = await verify(plan());
    expect(verified).toMatchObject({ certStatus: { status: 'good' }, hasNonce: true, thisUpdate: minutes(-5) });
    expect(verified.responder?.serialNumber.toString('hex')).toBe('aa');
  });

  it('believes the issuer itself', async () => {
    const verified = await verify(plan({ responderKeyHash: keyHashOf(ca), certificate: null }), { signer: caSigner });
    expect(verified).toMatchObject({ certStatus: { status: 'good' }, responder: null });
  });

  it.each(REVOCATION_REASONS)('tells of a revocation for %s', async (reason) => {
    const certStatus: CertStatus = { status: 'revoked', revokedAt: minutes(-30), reason };
    expect((await verify(plan({}, certStatus))).certStatus).toEqual(certStatus);
  });

  it('tells of a certificate that the responder does not know', async () => {
    expect((await verify(plan({}, { status: 'unknown' }))).certStatus).toEqual({ status: 'unknown' });
  });

  it('takes an answer without a nonce, and says that it may be an earlier one', async () => {
    expect((await verify(plan({ nonce: null }))).hasNonce).toBe(false);
    expect((await verify(plan(), { asked: question({ nonce: null }) })).hasNonce).toBe(false);
  });

  it('finds its certificate among several', async () => {
    const others = ['01', '02'].map((serial) => single({ certId: certIdOf(serial) }));
    const revoked: CertStatus = { status: 'revoked', revokedAt: minutes(-1), reason: 'superseded' };
    const responses = [...others, single({ certStatus: revoked })];
    expect((await verify(plan({ responses }))).certStatus).toEqual(revoked);
  });

  it('does not mind how the parameters of the hash algorithm are written', async () => {
    const asked = question({ certId: certIdOf('0b', 'sha256-absent') });
    expect((await verify(plan(), { asked })).certStatus.status).toBe('good');
  });

  it.each<[string, RegExp, () => Promise<unknown>]>([
    [
      'about another serial number',
      /not about this certificate/,
      () => verify(plan(), { asked: question({ certId: certIdOf('0c') }) }),
    ],
    [
      'about another hash',
      /not about this certificate/,
      () => verify(plan(), { asked: question({ certId: certIdOf('0b', 'sha1') }) }),
    ],
    ['with another nonce', /nonce .* another question/, () => verify(plan({ nonce: Buffer.alloc(16) }))],
    ['that has expired', /expired/, () => verify(plan(), { at: minutes(66) })],
    ['from the future', /future/, () => verify(plan({ responses: [single({ thisUpdate: minutes(6) })] }))],
    [
      'signed with another key',
      /signature .* wrong/,
      () => verify(plan(), { signer: generateLocalSigner('ecdsa-p256') }),
    ],
    [
      'signed with another kind of key',
      /signature .* wrong/,
      () => verify(plan(), { signer: generateLocalSigner('ed25519') }),
    ],
    ['without the responder’s certificate', /does not hold/, () => verify(plan({ certificate: null }))],
    ['that names a stranger', /does not hold/, () => verify(plan({ responderKeyHash: Buffer.alloc(20) }))],
  ])('does not believe an answer %s', async (_, reason, act) => {
    await expect(act()).rejects.toThrow(reason);
    await expect(act()).rejects.toBeInstanceOf(OcspResponseError);
  });

  it.each<[string, string, RegExp]>([
    ['is not for OCSP', 'extendedKeyUsage=serverAuth', /not one for OCSP signing/],
    ['has no extended key usage', 'basicConstraints=CA:false', /not one for OCSP signing/],
  ])('does not believe a certificate of the issuer that %s', async (_, extensions, reason) => {
    const der = openssl.issue('wrong', responderSigner, 'ca', 'ab', extensions);
    await expect(verify(plan({ certificate: der }))).rejects.toThrow(reason);
  });

  it('does not believe a responder of another CA, also of the same name', async () => {
    const other = new OpensslDirectory();
    other.makeCa('ca', generateLocalSigner('ecdsa-p384'));
    const der = other.issue('responder', responderSigner, 'ca', 'aa', OCSP_SIGNING);
    other.remove();
    await expect(verify(plan({ certificate: der }))).rejects.toThrow(/not issued by the issuer/);
  });

  it('does not believe a responder whose certificate has expired', async () => {
    const later = new Date(now.getTime() + 11 * 86_400_000);
    const responses = [single({ thisUpdate: later, nextUpdate: new Date(later.getTime() + 60_000) })];
    await expect(verify(plan({ responses, producedAt: later }), { at: later })).rejects.toThrow(/not valid now/);
  });

  it('believes what openssl signs, by name and by key', async () => {
    openssl.write('index.txt', `V\t491231235959Z\t\t0B\tunknown\t/CN=leaf\n`);
    for (const how of [[], ['-resp_key_id']]) {
      openssl.run(['ocsp', '-issuer', 'ca.pem', '-sha256', '-serial', '0x0b', '-nonce', '-reqout', 'q.der']);
      openssl.run([
        'ocsp',
        '-index',
        'index.txt',
        '-CA',
        'ca.pem',
        '-rsigner',
        'responder.pem',
        '-rkey',
        'responder.key',
        ...how,
        '-reqin',
        'q.der',
        '-respout',
        'a.der',
        '-nmin',
        '60',
      ]);
      const verified = await verifyOcspResponse(parse(openssl.read('a.der')), question({ nonce: null }), new Date());
      expect(verified.certStatus).toEqual({ status: 'good' });
    }
  });
});

describe('parseOcspResponse', () => {
  it.each(['malformedRequest', 'internalError', 'tryLater', 'sigRequired', 'unauthorized'] as const)(
    'reads the error %s',
    (status) => {
      expect(parseOcspResponse(ocspErrorResponse(status))).toEqual({ status });
    },
  );

  it.each<[string, RegExp, Uint8Array]>([
    ['an unknown status', /unknown status 4/, sequence(enumerated(4))],
    ['success without contents', /without contents/, sequence(enumerated(0))],
    [
      'another type of response',
      /response type 1\.2\.3/,
      sequence(enumerated(0), explicit(0, sequence(oid('1.2.3'), octetString()))),
    ],
    ['too many bytes', /more than 65536 bytes/, Buffer.alloc(65_537)],
  ])('refuses %s', (_, reason, der) => {
    expect(() => parseOcspResponse(der)).toThrow(reason);
  });

  it('refuses more SingleResponses and certificates than anybody sends', () => {
    const element = sequence(certIdOf('0b').der, buildCertStatus({ status: 'good' }), generalizedTime(now));
    const basic = (singles: number, certificates: number): Buffer =>
      wrapBasicResponse(
        sequence(
          sequence(
            explicit(2, octetString(Buffer.alloc(20))),
            generalizedTime(now),
            sequence(...Array.from({ length: singles }, () => element)),
          ),
          sequence(oid('1.3.101.112')),
          bitString(Buffer.alloc(64)),
          explicit(0, sequence(...Array.from({ length: certificates }, () => sequence()))),
        ),
      );
    expect(parse(basic(16, 4)).responses).toHaveLength(16);
    expect(parse(basic(1, 0)).responses[0]?.nextUpdate).toBeNull();
    expect(() => parse(basic(17, 0))).toThrow(/more than 16/);
    expect(() => parse(basic(1, 5))).toThrow(/more than 4/);
  });

  it('takes no prefix and no longer form, and throws nothing but OcspResponseError', async () => {
    const revoked: CertStatus = { status: 'revoked', revokedAt: minutes(-1), reason: 'keyCompromise' };
    const whole = await buildOcspResponse(plan({}, revoked), responderSigner);
    const inputs = [...prefixesOf(whole), withLongerLength(whole), Buffer.concat([whole, Buffer.alloc(1)])];
    expect(countAccepted(inputs, parseOcspResponse, isRefusal)).toBe(0);
    expect(
      countAccepted(
        MALFORMED.map(([, bytes]) => bytes),
        parseOcspResponse,
        isRefusal,
      ),
    ).toBe(0);
    expect(() => countAccepted(bitFlipsOf(whole), parseOcspResponse, isRefusal)).not.toThrow();
    fc.assert(
      fc.property(mutationsOf(whole), (mutant) => {
        countAccepted([mutant], parseOcspResponse, isRefusal);
      }),
      { numRuns: 1000 },
    );
  });

  it('is not deceived by any single turned bit', async () => {
    const whole = await buildOcspResponse(plan(), responderSigner);
    const believed: string[] = [];
    for (const flipped of bitFlipsOf(whole)) {
      try {
        const { certStatus } = await verifyOcspResponse(parse(flipped), question(), now);
        believed.push(certStatus.status);
      } catch (error) {
        if (!isRefusal(error) && !(error as Error).message.startsWith('the response is')) throw error;
      }
    }
    // What is not signed: the algorithm's name outside, and the parts of the responder's certificate that nobody reads.
    expect(new Set(believed)).toEqual(new Set());
  });
});
