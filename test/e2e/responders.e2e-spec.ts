import { X509Certificate } from 'node:crypto';
import { OcspRespondersScheduler } from '../../src/ocsp/ocsp-responders.scheduler.js';
import { PresignScheduler } from '../../src/ocsp/presign-scheduler.js';
import { parsePem } from '../../src/pki/pem.js';
import { IssuingDesk, problemCode, type CertificateJson } from '../support/issuing.js';
import { decodeOcsp } from '../support/ocsp-client.js';
import { OcspClient, ocspQuestion, type OcspReading } from '../support/ocsp-question.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

const DAY = 86_400;
const RESPONDERS = '/api/v1/admin/ocsp/responders';

interface ResponderJson {
  readonly issuer_id: string;
  readonly id: string;
  readonly state: 'current' | 'previous';
  readonly serial_number: string;
  readonly subject: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly key_usable: boolean;
  readonly created_at: string;
}

let openssl: OpensslWorkshop;
let csr: string;
let stops: (() => Promise<void> | void)[];

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  ({ csr } = await openssl.csr('/CN=responders.example.com'));
});
afterAll(() => openssl.remove());

beforeEach(() => (stops = []));
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** An instance whose schedulers are run by hand. */
async function start(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp({ schedules: false, ...options });
  stops.push(() => app.stop());
  return app;
}

const issue = (app: TestApp, issuer = 'iss-local'): Promise<CertificateJson> =>
  new IssuingDesk(app, openssl).issue({ csr, issuer, validity: '60d' });

async function ask(
  app: TestApp,
  certificate: CertificateJson,
  options: Parameters<typeof ocspQuestion>[2] = {},
): Promise<OcspReading> {
  const client = new OcspClient(app.pkiUrl, certificate.issuer_id);
  try {
    return await client.ask(
      ocspQuestion(parsePem(certificate.chain_pem, 'CERTIFICATE')[0]!, certificate.serial_number, options),
    );
  } finally {
    client.close();
  }
}

const listed = async (app: TestApp): Promise<ResponderJson[]> =>
  (await app.api.fetch<{ items: ResponderJson[] }>(RESPONDERS)).items;
const rotate = (app: TestApp, issuerId = 'iss-local'): Promise<ResponderJson> =>
  app.api.create<ResponderJson>(`${RESPONDERS}/${issuerId}/rotate`);
const presign = (app: TestApp): Promise<void> => app.app.nest.get(PresignScheduler).run();
const upkeep = (app: TestApp): Promise<void> => app.app.nest.get(OcspRespondersScheduler).run();
const serialOf = ({ responderDer }: OcspReading): string =>
  new X509Certificate(responderDer).serialNumber.toLowerCase();

async function storedResponders(app: TestApp): Promise<string[]> {
  const rows = await app.dataSource.query<{ response_der: Buffer }[]>('SELECT response_der FROM ocsp_responses');
  return rows.map((row) => new X509Certificate(decodeOcsp(row.response_der).certificates[0]!.der).serialNumber);
}

async function expectVerified(app: TestApp, certificate: CertificateJson): Promise<void> {
  const { cert, issuer, root, chain } = await new IssuingDesk(app, openssl).files(certificate);
  const { output } = await openssl.run(
    ...['ocsp', '-issuer', issuer, '-cert', cert, '-CAfile', root, '-verify_other', chain, '-no_nonce'],
    ...['-url', `${app.pkiUrl}/.well-known/pki/ocsp/${certificate.issuer_id}`],
  );
  expect(output).toMatch(/Response verify OK/);
  expect(output).toMatch(/: good\n/);
}

describe('the list of responders', () => {
  it('tells of each what its certificate says, and whether its key can be used', async () => {
    const app = await start();
    const reading = await ask(app, await issue(app));
    const certificate = new X509Certificate(reading.responderDer);
    const [responder, ...others] = await listed(app);
    expect(others).toEqual([]);
    expect(responder).toEqual({
      issuer_id: 'iss-local',
      id: expect.any(String) as string,
      state: 'current',
      serial_number: certificate.serialNumber.toLowerCase(),
      subject: 'CN=OCSP responder of iss-local',
      not_before: new Date(certificate.validFrom).toISOString(),
      not_after: new Date(certificate.validTo).toISOString(),
      key_usable: true,
      created_at: expect.any(String) as string,
    });
    await app.dataSource.query(
      `UPDATE keys SET wrapped_private_key = '\\x00' WHERE id = (SELECT key_id FROM ocsp_responders)`,
    );
    const other = await start({ beside: app });
    expect(await listed(other)).toMatchObject([{ id: responder!.id, key_usable: false }]);
  });
});

describe('a rotation', () => {
  it('has the new one sign at once, and what the old one signed replaced by the next run', async () => {
    const app = await start();
    const certificates = [await issue(app), await issue(app)];
    const [before] = await listed(app);
    expect(serialOf(await ask(app, certificates[0]!))).toBe(before!.serial_number);
    const after = await rotate(app);
    expect(after).toMatchObject({ issuer_id: 'iss-local', state: 'current', key_usable: true });
    expect(after.serial_number).not.toBe(before!.serial_number);
    expect(await listed(app)).toMatchObject([
      { id: after.id, state: 'current' },
      { id: before!.id, state: 'previous', key_usable: true },
    ]);
    // What lies ready holds as long as it says, and is served until there is a new one.
    const other = await start({ beside: app });
    expect(serialOf(await ask(other, certificates[0]!))).toBe(before!.serial_number);
    expect(serialOf(await ask(app, await issue(app)))).toBe(after.serial_number);
    await presign(app);
    expect(new Set((await storedResponders(app)).map((serial) => serial.toLowerCase()))).toEqual(
      new Set([after.serial_number]),
    );
    const third = await start({ beside: app });
    for (const certificate of certificates) {
      expect(serialOf(await ask(third, certificate))).toBe(after.serial_number);
      await expectVerified(third, certificate);
    }
  });

  it('leaves nobody without an answer that openssl and pkijs accept', async () => {
    const app = await start();
    const certificate = await issue(app);
    const client = new OcspClient(app.pkiUrl, 'iss-local');
    stops.push(() => client.close());
    const issuerDer = parsePem(certificate.chain_pem, 'CERTIFICATE')[0]!;
    const seen = new Map<string, Buffer>();
    const asking = { on: true };
    let answers = 0;
    const relyingParty = async (nonce: Buffer | null): Promise<void> => {
      const question = ocspQuestion(issuerDer, certificate.serial_number, { nonce });
      while (asking.on) {
        const reading = await client.ask(question);
        expect(reading.status).toBe('good');
        expect(decodeOcsp(reading.der).singles[0]!.nextUpdate!.getTime()).toBeGreaterThan(app.clock.now().getTime());
        seen.set(serialOf(reading), reading.der);
        answers += 1;
      }
    };
    const parties = [relyingParty(null), relyingParty(Buffer.alloc(16, 1)), relyingParty(Buffer.alloc(16, 2))];
    const rotations: ResponderJson[] = [];
    for (let round = 0; round < 3; round++) {
      rotations.push(await rotate(app));
      await presign(app);
      await expectVerified(app, certificate);
      const enough = answers + 20;
      const { serial_number: serial } = rotations.at(-1)!;
      await waitUntil('some more have asked, and heard of the new one', () => answers > enough && seen.has(serial));
    }
    asking.on = false;
    await Promise.all(parties);
    for (const { serial_number: serial } of rotations) expect([...seen.keys()]).toContain(serial);
    const root = openssl.file('rotation-root.pem', certificate.chain_pem);
    for (const [serial, der] of seen) {
      const { output } = await openssl.run(
        ...['ocsp', '-respin', openssl.file(`${serial}.der`, der), '-issuer', root, '-CAfile', root],
        ...['-serial', `0x${certificate.serial_number}`, '-no_nonce'],
      );
      expect(output).toMatch(/Response verify OK/);
    }
  });

  it('keeps the old one and its key until the last response that it signed has expired, and then removes both', async () => {
    const app = await start({ env: { CERTPLANE_OCSP_PRESIGN: 'lazy', CERTPLANE_OCSP_VALIDITY: '24h' } });
    const certificate = await issue(app);
    const { nextUpdate } = await ask(app, certificate);
    const [before] = await listed(app);
    const after = await rotate(app);
    const keys = async (): Promise<number> => {
      const [row] = await app.dataSource.query<[{ count: number }]>('SELECT count(*)::int AS count FROM keys');
      return row.count;
    };
    const all = await keys();
    app.clock.advance((nextUpdate.getTime() - app.clock.now().getTime()) / 1000 - 60);
    await presign(app);
    expect((await listed(app)).map(({ id }) => id)).toEqual([after.id, before!.id]);
    app.clock.advance(900);
    await presign(app);
    expect((await listed(app)).map(({ id }) => id)).toEqual([after.id]);
    expect(await keys()).toBe(all - 1);
    expect((await ask(app, certificate)).status).toBe('good');
  });

  it('keeps the old one longer when a response of it lives longer', async () => {
    const app = await start({ env: { CERTPLANE_OCSP_PRESIGN: 'lazy', CERTPLANE_OCSP_VALIDITY: '1h' } });
    await ask(app, await issue(app));
    await app.dataSource.query(`UPDATE ocsp_responses SET next_update = next_update + interval '3 days'`);
    await rotate(app);
    app.clock.advance(2 * DAY);
    await presign(app);
    expect(await listed(app)).toHaveLength(2);
    app.clock.advance(2 * DAY);
    await presign(app);
    expect(await listed(app)).toHaveLength(1);
  });

  it('comes by itself before the certificate ends, although nobody asks', async () => {
    const app = await start();
    const certificate = await issue(app);
    const [before] = await listed(app);
    app.clock.advance(22 * DAY);
    await upkeep(app);
    expect(await listed(app)).toHaveLength(1);
    app.clock.advance(2 * DAY);
    await upkeep(app);
    const [current, previous] = await listed(app);
    expect(current!.id).not.toBe(before!.id);
    expect(previous).toMatchObject({ id: before!.id, state: 'previous' });
    await presign(app);
    expect(serialOf(await ask(app, certificate))).toBe(current!.serial_number);
  });

  it('is heard of by the other instances within a minute', async () => {
    const app = await start();
    const other = await start({ beside: app });
    const certificate = await issue(app);
    const issuerDer = parsePem(certificate.chain_pem, 'CERTIFICATE')[0]!;
    const client = new OcspClient(other.pkiUrl, 'iss-local');
    stops.push(() => client.close());
    const signer = async (): Promise<string> =>
      serialOf(await client.ask(ocspQuestion(issuerDer, certificate.serial_number, { nonce: Buffer.alloc(16, 9) })));
    const before = await signer();
    const after = await rotate(app);
    expect(await signer()).toBe(before);
    app.clock.advance(60);
    expect(await signer()).toBe(after.serial_number);
  });

  it('is recorded with who asked for it, also when it is refused', async () => {
    const app = await start();
    await ask(app, await issue(app));
    const after = await rotate(app);
    const events = (action: string): Promise<{ items: Record<string, unknown>[] }> =>
      app.api.fetch(`/api/v1/audit?action=${action}`);
    expect(problemCode(await app.api.post(`${RESPONDERS}/nobody/rotate`))).toEqual([404, 'issuer_not_found']);
    expect(problemCode(await app.api.post(`${RESPONDERS}/No%20Body/rotate`))).toEqual([400, 'invalid_request']);
    expect((await events('ocsp_responder.rotate')).items).toMatchObject([
      { outcome: 'refused' },
      { outcome: 'refused' },
      {
        actor: 'api-key:bootstrap-admin',
        outcome: 'success',
        subject_id: after.id,
        details: { issuer_id: 'iss-local', serial_number: after.serial_number },
      },
    ]);
    app.clock.advance(11 * 366 * DAY);
    expect(problemCode(await app.api.post(`${RESPONDERS}/iss-local/rotate`))).toEqual([409, 'issuer_not_active']);
  });

  it('changes nothing when the issuer can not sign', async () => {
    const app = await start();
    await new IssuingDesk(app, openssl).root('broken');
    const certificate = await issue(app, 'broken');
    const [before] = await listed(app);
    await app.dataSource.query(
      `UPDATE keys SET wrapped_private_key = '\\x00' WHERE id = (SELECT key_id FROM issuers WHERE id = 'broken')`,
    );
    const other = await start({ beside: app });
    expect(problemCode(await other.api.post(`${RESPONDERS}/broken/rotate`))).toEqual([500, 'internal_error']);
    expect(await listed(app)).toMatchObject([{ id: before!.id, issuer_id: 'broken', state: 'current' }, {}]);
    expect((await ask(other, certificate)).status).toBe('good');
  });
});

describe('a responder whose certificate is revoked', () => {
  const NONCE = Buffer.alloc(16, 7);

  /** The certificate of a responder, as the inventory shows it. */
  async function inInventory(app: TestApp, { serial_number: serial }: ResponderJson): Promise<CertificateJson> {
    const { items } = await app.api.fetch<{ items: CertificateJson[] }>(
      '/api/v1/certificates?profile=ocsp-responder&limit=100',
    );
    const { id } = items.find(({ serial_number: number }) => number === serial)!;
    return app.api.fetch<CertificateJson>(`/api/v1/certificates/${id}`);
  }

  /** As a database that was changed by hand: the feed tells nobody. */
  const revokeUnheard = (app: TestApp): Promise<unknown> =>
    app.dataSource.query(
      `UPDATE certificates SET revoked_at = date_trunc('second', now()), revocation_reason = 'keyCompromise'
        WHERE profile = 'ocsp-responder'`,
    );

  it('is replaced at once, and what it signed is answered by no instance any more, and signed anew', async () => {
    const app = await start();
    const other = await start({ beside: app });
    const certificates = [await issue(app), await issue(app)];
    const [before] = await listed(app);
    // Into the memory of both.
    for (const at of [app, other]) {
      for (const certificate of certificates) {
        expect(serialOf(await ask(at, certificate))).toBe(before!.serial_number);
        expect(serialOf(await ask(at, certificate, { nonce: NONCE }))).toBe(before!.serial_number);
      }
    }
    const revoked = await inInventory(app, before!);
    await new IssuingDesk(app, openssl).revoke(revoked, { reason: 'keyCompromise' });
    await waitUntil('there is a new one', async () => (await listed(app))[0]!.id !== before!.id);
    const [current, previous, ...more] = await listed(app);
    expect([current!.state, previous!.id, more]).toEqual(['current', before!.id, []]);
    for (const at of [app, other]) {
      await waitUntil(
        'it signs with the new one',
        async () => serialOf(await ask(at, certificates[0]!, { nonce: NONCE })) === current!.serial_number,
      );
      for (const certificate of certificates) {
        expect(serialOf(await ask(at, certificate))).toBe(current!.serial_number);
        await expectVerified(at, certificate);
      }
      const own = await ask(at, revoked);
      expect([own.status, serialOf(own)]).toEqual(['revoked', current!.serial_number]);
    }
    await presign(app);
    expect(new Set((await storedResponders(app)).map((serial) => serial.toLowerCase()))).toEqual(
      new Set([current!.serial_number]),
    );
  });

  it('answers no more with what it signed either when it was replaced before, and nothing is signed in advance', async () => {
    const app = await start({ env: { CERTPLANE_OCSP_PRESIGN: 'lazy' } });
    const certificate = await issue(app);
    const first = await ask(app, certificate);
    const [before] = await listed(app);
    const after = await rotate(app);
    expect((await ask(app, certificate)).der.equals(first.der)).toBe(true);
    await new IssuingDesk(app, openssl).revoke(await inInventory(app, before!));
    const renewed = await ask(app, certificate);
    expect([renewed.status, serialOf(renewed)]).toEqual(['good', after.serial_number]);
    expect((await ask(app, certificate)).der.equals(renewed.der)).toBe(true);
    expect((await listed(app)).map(({ id }) => id)).toEqual([after.id, before!.id]);
  });

  it('is replaced by the schedule where no instance has heard of it', async () => {
    const app = await start();
    await issue(app);
    const [before] = await listed(app);
    await upkeep(app);
    expect(await listed(app)).toHaveLength(1);
    await revokeUnheard(app);
    await upkeep(app);
    const [current, previous] = await listed(app);
    expect([previous!.id, current!.state]).toEqual([before!.id, 'current']);
  });

  it('signs nothing more even where no other can be made, until one can', async () => {
    const app = await start();
    await new IssuingDesk(app, openssl).root('broken');
    const certificate = await issue(app, 'broken');
    await app.dataSource.query('CREATE TABLE kept AS SELECT id, wrapped_private_key FROM keys');
    await app.dataSource.query(
      `UPDATE keys SET wrapped_private_key = '\\x00' WHERE id = (SELECT key_id FROM issuers WHERE id = 'broken')`,
    );
    const other = await start({ beside: app });
    await revokeUnheard(app);
    for (const options of [{}, { nonce: NONCE }]) {
      expect((await ask(other, certificate, options)).status).toBe('internalError');
    }
    await app.dataSource.query(
      'UPDATE keys SET wrapped_private_key = kept.wrapped_private_key FROM kept WHERE kept.id = keys.id',
    );
    const third = await start({ beside: app });
    for (const options of [{}, { nonce: NONCE }]) {
      expect((await ask(third, certificate, options)).status).toBe('good');
    }
    await app.dataSource.query('DROP TABLE kept');
  });
});

describe('a responder whose key is gone', () => {
  it('is replaced by one, whoever asks, and however many', async () => {
    const app = await start();
    const certificate = await issue(app);
    const [before] = await listed(app);
    await app.dataSource.query(
      `UPDATE keys SET wrapped_private_key = '\\x00' WHERE id = (SELECT key_id FROM ocsp_responders)`,
    );
    await app.dataSource.query("UPDATE ocsp_responses SET refresh_at = now() - interval '1 second'");
    const others = await Promise.all([start({ beside: app }), start({ beside: app }), start({ beside: app })]);
    const readings = await Promise.all(
      others.flatMap((other) => [ask(other, certificate), ask(other, certificate), ask(other, certificate)]),
    );
    const responders = await listed(app);
    expect(responders.map(({ state }) => state)).toEqual(['current', 'previous']);
    for (const reading of readings) {
      expect(reading.status).toBe('good');
      expect(serialOf(reading)).toBe(responders[0]!.serial_number);
    }
    expect(responders[1]!.id).toBe(before!.id);
  });
});
