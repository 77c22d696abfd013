import { constants, createPrivateKey, sign, X509Certificate, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { bitString, explicit, implicit, integer, nullValue, oid, sequence, tlv } from './der-writer.js';
import { DerReader } from './der-reader.js';
import { constructedContextTag, TAG } from './der-tags.js';
import { isSignedByRequester } from './ocsp-request-signature.js';
import { parseOcspRequest } from './ocsp-request.js';
import { bitFlipsOf, MALFORMED, mutationsOf, prefixesOf } from './testing/hostile-bytes.js';
import { generateLocalSigner } from './testing/local-signer.js';
import { OpensslDirectory } from './testing/openssl.js';

const openssl = new OpensslDirectory();
afterAll(() => openssl.remove());

/** All that is made below holds by then. */
const now = new Date(Date.now() + 60_000);
const DAY_MS = 86_400_000;
const SIGNS = 'keyUsage=critical,digitalSignature';

/** RSA-PSS (RFC 4055 section 3.1) with SHA-256 in both places and a salt of 32 octets. */
const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'), nullValue());
const PSS_SHA256 = sequence(
  oid('1.2.840.113549.1.1.10'),
  sequence(explicit(0, sha256), explicit(1, sequence(oid('1.2.840.113549.1.1.8'), sha256)), explicit(2, integer(32))),
);

const ca = openssl.makeCa('requesters', generateLocalSigner('ecdsa-p256'));
const rsaCa = openssl.makeCa('rsa-requesters', generateLocalSigner('rsa-2048'));
const strangers = openssl.makeCa('strangers', generateLocalSigner('ecdsa-p256'));
openssl.makeCa('issuer', generateLocalSigner('ecdsa-p256'));
const algorithms = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'ed25519'] as const;
for (const algorithm of algorithms) openssl.issue(algorithm, generateLocalSigner(algorithm), 'requesters', '11', SIGNS);
openssl.issue('by-rsa', generateLocalSigner('ecdsa-p256'), 'rsa-requesters', '12', SIGNS);
openssl.issue('stranger', generateLocalSigner('ecdsa-p256'), 'strangers', '13', SIGNS);
openssl.issue('bare', generateLocalSigner('ecdsa-p256'), 'requesters', '14', 'basicConstraints=CA:FALSE');
openssl.issue('encrypts', generateLocalSigner('rsa-2048'), 'requesters', '15', 'keyUsage=critical,keyEncipherment');

/** A request as `openssl ocsp` signs it. */
function signedBy(name: string, ...options: string[]): Buffer {
  const asked = ['-issuer', 'issuer.pem', '-serial', '0x0badcafe', '-no_nonce'];
  openssl.run([
    'ocsp',
    ...asked,
    '-signer',
    `${name}.pem`,
    '-signkey',
    `${name}.key`,
    ...options,
    '-reqout',
    'request.der',
  ]);
  return openssl.read('request.der');
}

function unsigned(): Buffer {
  openssl.run(['ocsp', '-issuer', 'issuer.pem', '-serial', '0x0badcafe', '-no_nonce', '-reqout', 'request.der']);
  return openssl.read('request.der');
}

interface Parts {
  readonly tbs: Buffer;
  readonly algorithm: Buffer;
  readonly signature: Buffer;
  readonly certificates: readonly Buffer[];
}

function takeApart(request: Buffer): Parts {
  return DerReader.readAll(request, (reader) => {
    const outer = reader.readSequence();
    const tbs = outer.readElement(TAG.sequence);
    const signature = outer.read(constructedContextTag(0)).readSequence();
    const algorithm = signature.readElement(TAG.sequence);
    const bits = signature.readBitString();
    const list = signature.read(constructedContextTag(0)).readSequence();
    const certificates: Buffer[] = [];
    while (!list.atEnd) certificates.push(list.readElement(TAG.sequence));
    return { tbs, algorithm, signature: bits, certificates };
  });
}

function putTogether({ tbs, algorithm, signature, certificates }: Parts): Buffer {
  const certs = certificates.length === 0 ? [] : [explicit(0, sequence(...certificates))];
  return sequence(tbs, explicit(0, sequence(algorithm, bitString(signature), ...certs)));
}

const keyOf = (name: string): KeyObject => createPrivateKey(openssl.read(`${name}.key`));

describe('a signed OCSP request', () => {
  it.each([...algorithms, 'by-rsa', 'bare'])('is accepted from %s, as openssl signs it', async (name) => {
    const request = signedBy(name);
    expect(parseOcspRequest(request, { nonceMaxBytes: 128 })).toMatchObject({ signed: true });
    expect(await isSignedByRequester(request, [ca, rsaCa], now)).toBe(true);
  });

  it.each(['-sha384', '-sha512'])('is accepted where the digest is %s', async (digest) => {
    // openssl takes the digest of the CertID from the option before, so the request is signed anew.
    const parts = takeApart(signedBy('rsa-2048'));
    const algorithm = sequence(oid(`1.2.840.113549.1.1.${digest === '-sha384' ? 12 : 13}`), nullValue());
    const signature = sign(digest.slice(1), parts.tbs, keyOf('rsa-2048'));
    expect(await isSignedByRequester(putTogether({ ...parts, algorithm, signature }), [ca], now)).toBe(true);
  });

  it('is accepted with RSA-PSS', async () => {
    const parts = takeApart(signedBy('rsa-2048'));
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const signature = sign('sha256', parts.tbs, { key: keyOf('rsa-2048'), padding, saltLength: 32 });
    const request = putTogether({ ...parts, algorithm: PSS_SHA256, signature });
    expect(await isSignedByRequester(request, [ca], now)).toBe(true);
    expect(await isSignedByRequester(putTogether({ ...parts, algorithm: PSS_SHA256 }), [ca], now)).toBe(false);
  });

  it('is not accepted when its key was made for RSA-PSS only, which is not a key that is certified here either', async () => {
    openssl.run(['genpkey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'pss.key']);
    openssl.run(['req', '-new', '-key', 'pss.key', '-subj', '/CN=pss', '-out', 'pss.csr']);
    const signing = ['-CA', 'requesters.pem', '-CAkey', 'requesters.key', '-set_serial', '0x16', '-days', '10'];
    openssl.run(['x509', '-req', '-in', 'pss.csr', ...signing, '-out', 'pss.pem']);
    expect(await isSignedByRequester(signedBy('pss'), [ca], now)).toBe(false);
  });

  it('is accepted when the signer is not the first of the certificates that come with it', async () => {
    const parts = takeApart(signedBy('ecdsa-p256'));
    const others = [strangers, ca, rsaCa];
    const certificates = [...others, ...parts.certificates];
    expect(await isSignedByRequester(putTogether({ ...parts, certificates }), [ca], now)).toBe(true);
    const tooMany = [...others, ...others, ...parts.certificates];
    expect(await isSignedByRequester(putTogether({ ...parts, certificates: tooMany }), [ca], now)).toBe(false);
  });

  it('is not accepted when another CA issued its certificate', async () => {
    expect(await isSignedByRequester(signedBy('stranger'), [ca, rsaCa], now)).toBe(false);
    expect(await isSignedByRequester(signedBy('ecdsa-p256'), [strangers], now)).toBe(false);
    expect(await isSignedByRequester(signedBy('ecdsa-p256'), [], now)).toBe(false);
  });

  it('is not accepted when another CA of the same name issued its certificate', async () => {
    openssl.makeCa('requesters', generateLocalSigner('ecdsa-p256'));
    openssl.issue('impostor', generateLocalSigner('ecdsa-p256'), 'requesters', '11', SIGNS);
    expect(await isSignedByRequester(signedBy('impostor'), [ca, rsaCa], now)).toBe(false);
  });

  it('is not accepted when the certificate of a requester lies, as text, in one that the sender made', async () => {
    const genuine = openssl.read('ecdsa-p256.pem').toString('latin1');
    const text = Buffer.from(`\n${genuine.slice(genuine.indexOf('-----BEGIN'))}`);
    // The same issuer's name, by whoever asks.
    openssl.makeCa('requesters', generateLocalSigner('ecdsa-p256'));
    const extensions = `1.3.6.1.4.1.99999.1=DER:${text.toString('hex')}\n${SIGNS}`;
    const forged = openssl.issue('forger', generateLocalSigner('ecdsa-p256'), 'requesters', '17', extensions);
    expect(forged.includes(text)).toBe(true);
    expect(new X509Certificate(forged).subject).toBe('CN=ecdsa-p256');
    expect(await isSignedByRequester(signedBy('forger'), [ca, rsaCa], now)).toBe(false);
  });

  it('is not accepted before its certificate holds, nor after', async () => {
    const request = signedBy('ecdsa-p256');
    expect(await isSignedByRequester(request, [ca], new Date(now.getTime() - DAY_MS))).toBe(false);
    expect(await isSignedByRequester(request, [ca], new Date(now.getTime() + 9 * DAY_MS))).toBe(true);
    expect(await isSignedByRequester(request, [ca], new Date(now.getTime() + 11 * DAY_MS))).toBe(false);
  });

  it('is not accepted when its certificate is not for signatures', async () => {
    expect(await isSignedByRequester(signedBy('encrypts'), [ca], now)).toBe(false);
  });

  it('is not accepted when it brings no certificate, whoever signed it', async () => {
    expect(await isSignedByRequester(signedBy('ecdsa-p256', '-no_certs'), [ca], now)).toBe(false);
  });

  it('is not accepted when its certificate is that of somebody else', async () => {
    const parts = takeApart(signedBy('stranger'));
    const { certificates } = takeApart(signedBy('ecdsa-p256'));
    expect(await isSignedByRequester(putTogether({ ...parts, certificates }), [ca], now)).toBe(false);
  });

  it('is not accepted when the signature is of another request', async () => {
    const parts = takeApart(signedBy('ecdsa-p256'));
    const other = takeApart(signedBy('ecdsa-p256', '-serial', '0x0badcaff'));
    expect(await isSignedByRequester(putTogether({ ...parts, tbs: other.tbs }), [ca], now)).toBe(false);
  });

  it('is not accepted with SHA-1', async () => {
    const parts = takeApart(signedBy('rsa-2048'));
    const algorithm = sequence(oid('1.2.840.113549.1.1.5'), nullValue());
    const signature = sign('sha1', parts.tbs, keyOf('rsa-2048'));
    expect(await isSignedByRequester(putTogether({ ...parts, algorithm, signature }), [ca], now)).toBe(false);
  });

  it('is not there in a request without a signature', async () => {
    expect(await isSignedByRequester(unsigned(), [ca], now)).toBe(false);
  });
});

describe('hostile bytes', () => {
  const accepted = async (inputs: Iterable<Uint8Array>): Promise<number> => {
    let count = 0;
    for (const input of inputs) if (await isSignedByRequester(input, [ca], now)) count += 1;
    return count;
  };

  it.each(['ecdsa-p256', 'ed25519', 'rsa-2048'])(
    'are not accepted: any bit of a request of %s turned',
    async (name) => {
      expect(await accepted(bitFlipsOf(signedBy(name)))).toBe(0);
    },
  );

  it('are not accepted: a request that is cut short', async () => {
    expect(await accepted(prefixesOf(signedBy('ecdsa-p256')))).toBe(0);
  });

  it.each(MALFORMED)('are not accepted: %s', async (_, bytes) => {
    expect(await isSignedByRequester(bytes, [ca], now)).toBe(false);
  });

  it('are not accepted, and never throw, wherever a request was changed', async () => {
    const request = signedBy('ecdsa-p256');
    await fc.assert(
      fc.asyncProperty(mutationsOf(request), async (mutant) => {
        const same = Buffer.from(mutant).equals(request);
        expect(await isSignedByRequester(mutant, [ca], now)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  it('are not accepted as a certificate or a signature, whatever they are', async () => {
    const parts = takeApart(signedBy('ecdsa-p256'));
    const odd = [
      Buffer.alloc(0),
      Buffer.from('00', 'hex'),
      Buffer.alloc(64, 0xff),
      sequence(),
      sequence(integer(0), integer(0)),
    ];
    for (const bytes of odd) {
      expect(await isSignedByRequester(putTogether({ ...parts, signature: bytes }), [ca], now)).toBe(false);
      const certificates = [sequence(bytes), tlv(TAG.sequence, bytes), implicit(1, sequence(bytes))];
      for (const certificate of certificates) {
        const request = putTogether({ ...parts, certificates: [certificate] });
        expect(await isSignedByRequester(request, [ca], now)).toBe(false);
      }
    }
  });
});
