import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PFX } from 'pkijs';
import { parsePem } from './pem.js';
import { buildPkcs12 } from './pkcs12.js';

const directory = mkdtempSync(join(tmpdir(), 'certplane-p12-'));
afterAll(() => rmSync(directory, { recursive: true }));

const hasKeytool = spawnSync('keytool', ['-help'], { stdio: 'ignore' }).error === undefined;

function selfSigned(subject: string): Buffer {
  const out = join(directory, 'certificate.der');
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8', '-subj', subject],
      ...['-outform', 'DER', '-out', out, '-keyout', join(directory, 'key.pem')],
    ],
    { stdio: 'pipe' },
  );
  return readFileSync(out);
}

function openssl(file: Buffer, password: string): { status: number | null; stdout: string; stderr: string } {
  const path = join(directory, 'file.p12');
  writeFileSync(path, file);
  const { status, stdout, stderr } = spawnSync(
    'openssl',
    ['pkcs12', '-in', path, '-info', '-nokeys', '-passin', `pass:${password}`],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

describe('buildPkcs12', () => {
  const certificates = [
    { der: selfSigned('/O=Exämple/CN=leaf'), friendlyName: 'www.example.com' },
    { der: selfSigned('/CN=root'), friendlyName: 'CA 1' },
  ];

  it.each(['a', 'correct horse battery staple', 'pä$$wörd', '密码', 'x'.repeat(300)])(
    'is opened by openssl with the password %j',
    async (password) => {
      const { status, stdout, stderr } = openssl(await buildPkcs12(certificates, password), password);
      expect([status, stderr]).toEqual([0, expect.stringContaining('MAC: sha256')]);
      expect(stderr).toContain('PBES2, PBKDF2, AES-256-CBC');
      expect(stderr).toContain('hmacWithSHA256');
      expect(parsePem(stdout, 'CERTIFICATE')).toEqual(certificates.map(({ der }) => der));
      expect(stdout).toContain('friendlyName: www.example.com');
    },
  );

  it('is refused by openssl with another password', async () => {
    const { status, stderr } = openssl(await buildPkcs12(certificates, 'right'), 'wrong');
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining('invalid password')]);
  });

  it('differs from one time to the next, with the same contents', async () => {
    const [first, second] = [await buildPkcs12(certificates, 'secret'), await buildPkcs12(certificates, 'secret')];
    expect(first.equals(second)).toBe(false);
    expect(first.includes(certificates[0]!.der)).toBe(false);
  });

  it('has a MAC that another library agrees with, and that one changed octet breaks', async () => {
    const password = new Uint8Array(Buffer.from('secret')).buffer;
    const file = await buildPkcs12(certificates, 'secret');
    const pfx = PFX.fromBER(new Uint8Array(file));
    await pfx.parseInternalValues({ password, checkIntegrity: true });
    await pfx.parsedValue!.authenticatedSafe!.parseInternalValues({ safeContents: [{ password }] });
    const [safe] = pfx.parsedValue!.authenticatedSafe!.parsedValue.safeContents as [
      { value: { safeBags: { bagId: string; bagValue: { parsedValue: { toSchema(): { toBER(): ArrayBuffer } } } }[] } },
    ];
    expect(safe.value.safeBags.map(({ bagId }) => bagId)).toEqual(Array(2).fill('1.2.840.113549.1.12.10.1.3'));
    const changed = Buffer.from(file);
    changed[changed.length >> 1]! ^= 1;
    await expect(
      PFX.fromBER(new Uint8Array(changed)).parseInternalValues({ password, checkIntegrity: true }),
    ).rejects.toThrow(/integrity/i);
  });

  it('refuses what BMPString can not hold', async () => {
    await expect(buildPkcs12(certificates, '😀')).rejects.toThrow(RangeError);
    await expect(buildPkcs12([{ ...certificates[0]!, friendlyName: '😀' }], 'x')).rejects.toThrow(RangeError);
  });

  const readByKeytool = async (): Promise<void> => {
    const path = join(directory, 'java.p12');
    writeFileSync(path, await buildPkcs12(certificates, 'changeit'));
    const { status, stdout } = spawnSync(
      'keytool',
      ['-J-Duser.language=en', '-list', '-storetype', 'PKCS12', '-keystore', path, '-storepass', 'changeit'],
      { encoding: 'utf8' },
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining('2 entries')]);
    expect(stdout).toMatch(/^www\.example\.com, .*trustedCertEntry/m);
    expect(stdout).toMatch(/^ca 1, .*trustedCertEntry/m);
  };
  (hasKeytool ? it : it.skip)('is opened by the keytool of Java, which lists each certificate', readByKeytool);
});
