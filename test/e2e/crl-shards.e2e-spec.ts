import * as asn1js from 'asn1js';
import { CrlDistributionPoints } from '../../src/issuers/crl-distribution-points.js';
import { parseCertificateFields } from '../../src/pki/certificate-fields.js';
import { parseCrl } from '../../src/pki/crl-parser.js';
import { parsePem } from '../../src/pki/pem.js';
import { IssuingDesk, type CertificateJson, type IssuerJson } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const NEW_URL = 'http://pki.example.com';

let app: TestApp;
let openssl: OpensslWorkshop;
let desk: IssuingDesk;
beforeAll(async () => {
  app = await startTestApp();
  openssl = new OpensslWorkshop();
  desk = new IssuingDesk(app, openssl);
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

/** The URIs in the CRL distribution points of a certificate, as openssl shows them. */
async function distributionPoints(pem: string): Promise<string[]> {
  const text = await openssl.ok('x509', '-in', openssl.file('pointing.pem', pem), '-noout', '-text');
  const extension = /X509v3 CRL Distribution Points: *\n((?: {16}.*\n)+)/.exec(text)?.[1] ?? '';
  return [...extension.matchAll(/URI:(\S+)/g)].map(([, uri = '']) => uri);
}

const shardOf = (serialNumber: string, shards: number): number => Number(BigInt(`0x${serialNumber}`) % BigInt(shards));

const storedShard = async (serialNumber: string): Promise<number | null> => {
  const rows = await app.dataSource.query<{ crl_shard: number | null }[]>(
    'SELECT crl_shard FROM certificates WHERE serial_number = $1',
    [Buffer.from(serialNumber, 'hex')],
  );
  return rows[0]!.crl_shard;
};

const recordedUrls = async (issuerId: string): Promise<string[]> => {
  const rows = await app.dataSource.query<{ url: string }[]>(
    'SELECT url FROM crl_distribution_points WHERE issuer_id = $1 ORDER BY created_at, shard',
    [issuerId],
  );
  return rows.map(({ url }) => url);
};

const shardUrls = (crlUrl: string | null, shards: number): string[] =>
  Array.from({ length: shards }, (_, shard) => `${crlUrl}/${shard}`);

async function intermediateOf(issuerId: string): Promise<CertificateJson> {
  const { items } = await app.api.fetch<{ items: CertificateJson[] }>(
    `/api/v1/certificates?issuer_id=${issuerId}&profile=intermediate`,
  );
  return items[0]!;
}

describe('the distribution point of a certificate', () => {
  it('is the shard that its serial number says, and is stored with it', async () => {
    const issuer = await desk.root('eight', { crl_shards: 8 });
    expect(await recordedUrls('eight')).toEqual(shardUrls(issuer.crl_url, 8));
    const child = await desk.intermediate('below-eight', 'eight');
    const { serial_number } = await intermediateOf('eight');
    const all = [{ serial_number, certificate_pem: child.certificate_pem }];
    for (let count = 0; count < 12; count++) all.push(await desk.issue({ issuer: 'eight' }));
    for (const { serial_number: serial, certificate_pem } of all) {
      const shard = shardOf(serial, 8);
      expect(await distributionPoints(certificate_pem)).toEqual([`${issuer.crl_url}/${shard}`]);
      expect(await storedShard(serial)).toBe(shard);
    }
    expect(await recordedUrls('eight')).toEqual(shardUrls(issuer.crl_url, 8));
  });

  it('is the complete CRL where there is one shard', async () => {
    const issuer = await desk.root('one-shard');
    const { serial_number, certificate_pem } = await desk.issue({ issuer: 'one-shard' });
    expect(await distributionPoints(certificate_pem)).toEqual([issuer.crl_url]);
    expect(await storedShard(serial_number)).toBeNull();
    expect(await recordedUrls('one-shard')).toEqual([]);
  });

  it('is not there in the certificate of an OCSP responder', async () => {
    await desk.root('with-responder', { crl_shards: 8 });
    const { serial_number } = await app.api.create<{ serial_number: string }>(
      '/api/v1/admin/ocsp/responders/with-responder/rotate',
    );
    const { items } = await app.api.fetch<{ items: { id: string }[] }>(
      `/api/v1/certificates?profile=ocsp-responder&serial_number=${serial_number}`,
    );
    const { certificate_pem } = await app.api.fetch<CertificateJson>(`/api/v1/certificates/${items[0]!.id}`);
    expect(await distributionPoints(certificate_pem)).toEqual([]);
    expect(await storedShard(serial_number)).toBeNull();
  });

  it('stays what it was when the count changes, which concerns new certificates only', async () => {
    const { crl_url } = await desk.root('resharded');
    const count = (crl_shards: number) => app.api.patch('/api/v1/issuers/resharded', { crl_shards });
    const issued: { serial: string; shard: number | null }[] = [];
    const issue = async (shards: number): Promise<void> => {
      const { serial_number: serial, certificate_pem } = await desk.issue({ issuer: 'resharded' });
      const shard = shards === 1 ? null : shardOf(serial, shards);
      expect(await distributionPoints(certificate_pem)).toEqual([shard === null ? crl_url : `${crl_url}/${shard}`]);
      issued.push({ serial, shard });
    };
    await issue(1);
    for (const shards of [4, 20, 3, 1]) {
      expect((await count(shards)).json()).toMatchObject({ crl_shards: shards });
      for (let more = 0; more < 3; more++) await issue(shards);
    }
    for (const { serial, shard } of issued) expect([serial, await storedShard(serial)]).toEqual([serial, shard]);
    expect((await recordedUrls('resharded')).sort()).toEqual(shardUrls(crl_url, 20).sort());
  });

  it('has the address of today, and a shard is known by all that it ever had', async () => {
    const { crl_url } = await desk.root('moved', { crl_shards: 3 });
    const old = await desk.issue({ issuer: 'moved' });
    const moved = await startTestApp({ beside: app, schedules: false, env: { CERTPLANE_PKI_URL: NEW_URL } });
    try {
      const newDesk = new IssuingDesk(moved, openssl);
      const newUrl = `${NEW_URL}/.well-known/pki/crl/moved`;
      expect(await moved.api.fetch<IssuerJson>('/api/v1/issuers/moved')).toMatchObject({ crl_url: newUrl });
      // At the same time, on two instances: each records its own address, and neither stands in the other's way.
      const [there, again, here] = await Promise.all([
        newDesk.issue({ issuer: 'moved' }),
        newDesk.issue({ issuer: 'moved' }),
        desk.issue({ issuer: 'moved' }),
      ]);
      for (const [{ serial_number, certificate_pem }, url] of [
        [old, crl_url],
        [here, crl_url],
        [there, newUrl],
        [again, newUrl],
      ] as const) {
        expect(await distributionPoints(certificate_pem)).toEqual([`${url}/${shardOf(serial_number, 3)}`]);
      }
      for (const { app: instance } of [app, moved]) {
        const points = instance.nest.get(CrlDistributionPoints);
        for (const shard of [0, 1, 2]) {
          expect(await points.list('moved', shard)).toEqual([`${crl_url}/${shard}`, `${newUrl}/${shard}`]);
        }
        expect(await points.list('moved', 3)).toEqual([]);
      }
    } finally {
      await moved.stop();
    }
  });
});

/** What is published at the address that a certificate names. */
async function published(url: string): Promise<Buffer> {
  let body: Buffer = Buffer.alloc(0);
  await waitUntil(`there is a CRL at ${url}`, async () => {
    const answer = await app.pki(new URL(url).pathname);
    ({ body } = answer);
    return answer.status === 200;
  });
  return body;
}

const waitForEntry = ({ serial_number }: Pick<CertificateJson, 'serial_number'>, url: string): Promise<void> =>
  waitUntil(`${serial_number} is on the CRL at ${url}`, async () => {
    return parseCrl(await published(url)).find(Buffer.from(serial_number, 'hex')) !== null;
  });

/** What openssl says of a certificate when it has these CRLs, and no others. */
async function verify(certificate: CertificateJson, urls: string[], ...options: string[]): Promise<string> {
  const { cert, chain, root } = await desk.files(certificate);
  const pems: string[] = [];
  for (const url of urls) {
    const der = openssl.file('published.crl', await published(url));
    pems.push(await openssl.ok('crl', '-inform', 'DER', '-in', der));
  }
  const crls = openssl.file('published.pem', pems.join(''));
  const trust = ['-CAfile', root, '-untrusted', chain, '-CRLfile', crls];
  const { output } = await openssl.run(
    'verify',
    '-x509_strict',
    ...(options.length > 0 ? options : ['-crl_check']),
    ...trust,
    cert,
  );
  return output;
}

const urlOf = async ({ certificate_pem }: CertificateJson): Promise<string> => {
  const urls = await distributionPoints(certificate_pem);
  expect(urls).toHaveLength(1);
  return urls[0]!;
};

/** Issues until there is a certificate on each shard, two on the first; by shard. */
async function issueOnEach(issuer: string, shards: number): Promise<CertificateJson[][]> {
  const issued = Array.from({ length: shards }, (): CertificateJson[] => []);
  while (issued.some((list, shard) => list.length < (shard === 0 ? 2 : 1))) {
    const certificate = await desk.issue({ issuer });
    issued[shardOf(certificate.serial_number, shards)]!.push(certificate);
  }
  return issued;
}

type Der = asn1js.BaseBlock & { valueBlock: { value: Der[] } };
const readDer = (bytes: Uint8Array): Der => asn1js.fromBER(bytes).result as Der;
const hex = ({ valueBeforeDecodeView }: Der): string => Buffer.from(valueBeforeDecodeView).toString('hex');

/** The distributionPoint field of the first and only distribution point of a certificate. */
function nameInCertificate(pem: string): string {
  const [der] = parsePem(pem, 'CERTIFICATE');
  const points = readDer(parseCertificateFields(der!).extensions.get('2.5.29.31')!.value);
  return hex(points.valueBlock.value[0]!.valueBlock.value[0]!);
}

/** The same field of the issuing distribution point of a CRL, and whether that extension is critical. */
function nameInCrl(der: Buffer): { critical: boolean; name: string } {
  const tbs = readDer(der).valueBlock.value[0]!;
  const extensions = tbs.valueBlock.value.at(-1)!.valueBlock.value[0]!.valueBlock.value;
  const fields = extensions.map(({ valueBlock }) => valueBlock.value);
  const [, ...rest] = fields.find(([id]) => id!.toString().includes('2.5.29.28'))!;
  const octets = (rest.at(-1) as unknown as asn1js.OctetString).valueBlock.valueHexView;
  return { critical: rest.length === 2, name: hex(readDer(octets).valueBlock.value[0]!) };
}

describe('the CRL of a shard', () => {
  it('is by itself enough for the certificates that name it, and for no others', async () => {
    const { crl_url } = await desk.root('three', { crl_shards: 3 });
    const [[good, gone] = [], [other] = []] = await issueOnEach('three', 3);
    const [url, otherUrl] = [await urlOf(good!), await urlOf(other!)];
    expect([url, otherUrl]).toEqual([`${crl_url}/0`, `${crl_url}/1`]);
    for (const [certificate, crl] of [
      [good, url],
      [gone, url],
      [other, otherUrl],
    ] as const) {
      expect(await verify(certificate!, [crl])).toMatch(/: OK/);
    }
    await desk.revoke(gone!, { reason: 'superseded' });
    await waitForEntry(gone!, url);
    expect(await verify(gone!, [url])).toMatch(/certificate revoked/);
    expect(await verify(good!, [url])).toMatch(/: OK/);
    for (const [certificate, crl] of [
      [good, otherUrl],
      [gone, otherUrl],
      [other, url],
    ] as const) {
      expect(await verify(certificate!, [crl])).toMatch(/different CRL scope/i);
    }
    expect(parseCrl(await published(otherUrl)).entryCount).toBe(0);
  });

  it('names in its critical issuing distribution point what the certificates name, byte for byte', async () => {
    await desk.root('same-bytes', { crl_shards: 2 });
    for (const [certificate] of await issueOnEach('same-bytes', 2)) {
      expect(nameInCrl(await published(await urlOf(certificate!)))).toEqual({
        critical: true,
        name: nameInCertificate(certificate!.certificate_pem),
      });
    }
  });

  it('has what the complete CRL has for its certificates, and the complete one serves all', async () => {
    const issuer = await desk.root('whole', { crl_shards: 2 });
    const complete = issuer.crl_url;
    const [[good, gone] = [], [alsoGone] = []] = await issueOnEach('whole', 2);
    await desk.revoke(gone!, { reason: 'cessationOfOperation' });
    await desk.revoke(alsoGone!);
    for (const certificate of [gone!, alsoGone!]) await waitForEntry(certificate, complete);
    expect(await verify(good!, [complete])).toMatch(/: OK/);
    for (const certificate of [gone!, alsoGone!]) {
      expect(await verify(certificate, [complete])).toMatch(/certificate revoked/);
      await waitForEntry(certificate, await urlOf(certificate));
      const serial = Buffer.from(certificate.serial_number, 'hex');
      const entries = [complete, await urlOf(certificate)].map(async (url) =>
        parseCrl(await published(url)).find(serial),
      );
      const [inWhole, inShard] = await Promise.all(entries);
      expect(inShard).toEqual(inWhole);
    }
    expect(parseCrl(await published(complete)).issuingDistributionPoint).toBeNull();
  });

  it('serves on both levels of a chain', async () => {
    const top = await desk.root('sharded-top', { crl_shards: 4 });
    await desk.intermediate('sharded-middle', 'sharded-top', { crl_shards: 4 });
    const middle = await intermediateOf('sharded-top');
    const middleFile = await app.api.fetch<CertificateJson>(`/api/v1/certificates/${middle.id}`);
    const leaf = await desk.issue({ issuer: 'sharded-middle' });
    const urls = [await urlOf(middleFile), await urlOf(leaf)];
    expect(await verify(middleFile, [urls[0]!])).toMatch(/: OK/);
    // The root names no CRL of its own: openssl looks for it on the complete one.
    expect(await verify(leaf, [...urls, top.crl_url], '-crl_check_all')).toMatch(/: OK/);
    await desk.revoke(middle, { reason: 'cessationOfOperation' });
    await waitForEntry(middle, urls[0]!);
    expect(await verify(middleFile, [urls[0]!])).toMatch(/certificate revoked/);
    expect(await verify(leaf, [...urls, top.crl_url], '-crl_check_all')).toMatch(/certificate revoked/);
    expect(await verify(leaf, urls)).toMatch(/: OK/);
  });

  it('lives on when the count has become smaller: what is revoked then is on it', async () => {
    const { crl_url } = await desk.root('fewer', { crl_shards: 3 });
    const [, , [old] = []] = await issueOnEach('fewer', 3);
    await app.api.patch('/api/v1/issuers/fewer', { crl_shards: 1 });
    const whole = await desk.issue({ issuer: 'fewer' });
    expect(await urlOf(whole)).toBe(crl_url);
    expect(await verify(whole, [crl_url])).toMatch(/: OK/);
    expect(await verify(whole, [`${crl_url}/2`])).toMatch(/different CRL scope/i);
    await desk.revoke(old!);
    await waitForEntry(old!, `${crl_url}/2`);
    expect(await verify(old!, [`${crl_url}/2`])).toMatch(/certificate revoked/);
  });

  it('is one for the certificates with its old and its new address, when CERTPLANE_PKI_URL has changed', async () => {
    const { crl_url } = await desk.root('renamed', { crl_shards: 2 });
    const old = await issueOnEach('renamed', 2);
    const moved = await startTestApp({ beside: app, schedules: false, env: { CERTPLANE_PKI_URL: NEW_URL } });
    try {
      const { certificate_pem, id } = await new IssuingDesk(moved, openssl).issue({ issuer: 'renamed' });
      const fresh = await app.api.fetch<CertificateJson>(`/api/v1/certificates/${id}`);
      expect(fresh.certificate_pem).toBe(certificate_pem);
      const shard = shardOf(fresh.serial_number, 2);
      const url = `${crl_url}/${shard}`;
      expect(await urlOf(fresh)).toBe(`${NEW_URL}/.well-known/pki/crl/renamed/${shard}`);
      await waitUntil('the CRL names both', async () => {
        return parseCrl(await published(url)).issuingDistributionPoint?.length === 2;
      });
      for (const certificate of [fresh, old[shard]![0]!]) expect(await verify(certificate, [url])).toMatch(/: OK/);
      expect(await verify(fresh, [`${crl_url}/${1 - shard}`])).toMatch(/different CRL scope/i);
      await desk.revoke(fresh);
      await waitForEntry(fresh, url);
      expect(await verify(fresh, [url])).toMatch(/certificate revoked/);
    } finally {
      await moved.stop();
    }
  });

  it('is not there beyond the number of shards', async () => {
    await desk.root('few', { crl_shards: 2 });
    for (const shard of ['2', '1024', '00', '01', '-1', '1e0', '']) {
      const answer = await app.pki(`/.well-known/pki/crl/few/${shard}`);
      expect([shard, answer.status]).toEqual([shard, 404]);
    }
  });
});
