import { randomUUID, X509Certificate } from 'node:crypto';
import { IssuingDesk, problemCode, type CertificateJson, type Page } from '../support/issuing.js';
import { OcspClient, ocspQuestion } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const COUNT = 120;

interface Revocations {
  items: { id: string; serial_number: string; status: string; reason: string; revoked_at: string }[];
  visible: { ocsp: boolean; nodes: number; waited_ms: number };
}

describe('a bulk revocation', () => {
  const openssl = new OpensslWorkshop();
  let first: TestApp;
  let second: TestApp;
  let clients: OcspClient[];
  let certificates: CertificateJson[];
  let rootDer: Buffer;

  beforeAll(async () => {
    first = await startTestApp();
    second = await startTestApp({ beside: first });
    clients = [first, second].map((app) => new OcspClient(app.pkiUrl));
    rootDer = new X509Certificate(first.ca).raw;
    const desk = new IssuingDesk(first, openssl);
    const { csr } = await openssl.csr('/CN=bulk.example.test');
    certificates = [];
    for (let count = 0; count < COUNT; count++) certificates.push(await desk.issue({ csr }));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await second.stop();
    await first.stop();
    openssl.remove();
  });

  const statuses = (): Promise<string[]> =>
    Promise.all(
      certificates.map(async ({ serial_number: serialNumber }, index) => {
        const question = ocspQuestion(rootDer, serialNumber);
        return (await clients[index % 2]!.ask(question)).status;
      }),
    );

  it('changes nothing when one of the certificates is not there', async () => {
    const ids = [certificates[0]!.id, randomUUID()];
    const answer = await first.api.post('/api/v1/certificates/revoke', { ids });
    expect(problemCode(answer)).toEqual([404, 'certificate_not_found']);
    expect(await first.api.fetch(`/api/v1/certificates/${ids[0]}`)).toMatchObject({ status: 'active' });
  });

  it.each([[[]], [['no id']], [Array.from({ length: 1001 }, () => randomUUID())]])(
    'refuses ids that are none',
    async (ids) => {
      const answer = await first.api.post('/api/v1/certificates/revoke', { ids });
      expect(problemCode(answer)).toEqual([400, 'invalid_request']);
    },
  );

  it('revokes every one of them, on all nodes, when it returns, and waits once', async () => {
    // Both nodes hold every good answer in memory.
    expect(new Set([...(await statuses()), ...(await statuses())])).toEqual(new Set(['good']));
    const ids = certificates.map(({ id }) => id);
    const answer = await first.api.create<Revocations>('/api/v1/certificates/revoke', {
      ids: [...ids, ids[0]],
      reason: 'superseded',
    });
    expect(new Set(await statuses())).toEqual(new Set(['revoked']));
    expect(answer.items.map(({ id }) => id)).toEqual(ids);
    expect(new Set(answer.items.map(({ status, reason }) => `${status} ${reason}`))).toEqual(
      new Set(['revoked superseded']),
    );
    expect(answer.visible).toMatchObject({ ocsp: true, nodes: 2 });
    const audit = await first.api.fetch<Page<unknown>>('/api/v1/audit?action=certificate.revoke&limit=1000');
    expect(audit.items.filter((event) => (event as { outcome: string }).outcome === 'success')).toHaveLength(COUNT);
  });

  it('gives the first result when it is repeated, together with what is new', async () => {
    const [one, two] = certificates as [CertificateJson, CertificateJson];
    const before = await first.api.fetch<CertificateJson>(`/api/v1/certificates/${one.id}`);
    const answer = await second.api.create<Revocations>('/api/v1/certificates/revoke', {
      ids: [two.id, one.id],
      reason: 'cessationOfOperation',
    });
    expect(answer.items[1]).toMatchObject({ id: one.id, reason: 'superseded', revoked_at: before.revoked_at });
  });
});
