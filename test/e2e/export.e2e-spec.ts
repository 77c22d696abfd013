import { spawnSync } from 'node:child_process';
import { parsePem } from '../../src/pki/pem.js';
import { IssuingDesk, type CertificateJson, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

interface AuditJson {
  readonly action: string;
  readonly actor: string;
  readonly outcome: string;
  readonly subject_id: string;
  readonly details: Record<string, unknown>;
}

const NOBODY = '00000000-0000-4000-8000-000000000000';

let openssl: OpensslWorkshop;
let app: TestApp;
let certificate: CertificateJson;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  app = await startTestApp();
  const desk = new IssuingDesk(app, openssl);
  await desk.intermediate('exporting', 'iss-local');
  certificate = await desk.issue({ issuer: 'exporting' });
});
afterAll(async () => {
  await app.stop();
  openssl.remove();
});

const path = (form: string, id = certificate.id): string => `/api/v1/certificates/${id}/export/${form}`;
const eventsOf = async (of: TestApp, id: string): Promise<AuditJson[]> =>
  (await of.api.fetch<Page<AuditJson>>(`/api/v1/audit?subject_id=${id}`)).items.filter(({ action }) =>
    action.startsWith('cert_export'),
  );
const chainOf = ({ certificate_pem: leaf, chain_pem: chain }: CertificateJson): Buffer[] =>
  parsePem(leaf + chain, 'CERTIFICATE');

describe('an export', () => {
  it('as PEM is the certificate, those above it, and both', async () => {
    const answer = await app.api.fetch(path('pem'));
    expect(answer).toEqual({
      certificate_pem: certificate.certificate_pem,
      chain_pem: certificate.chain_pem,
      full_pem: certificate.certificate_pem + certificate.chain_pem,
    });
    const file = await app.api.get(path('pem?download=true'));
    expect(file.headers).toMatchObject({
      'content-type': 'application/x-pem-file',
      'content-disposition': `attachment; filename="${certificate.serial_number}.pem"`,
      'cache-control': 'no-store',
    });
    expect(parsePem(file.body.toString(), 'CERTIFICATE')).toEqual(chainOf(certificate));
  });

  it('as DER is the certificate alone', async () => {
    const { body, headers } = await app.api.get(path('der'));
    expect(headers['content-type']).toBe('application/pkix-cert');
    expect(headers['content-length']).toBe(String(body.length));
    expect(body).toEqual(chainOf(certificate)[0]);
  });

  it('as PKCS #7 is read by openssl', async () => {
    const { body, headers } = await app.api.get(path('pkcs7'));
    expect(headers['content-type']).toBe('application/pkcs7-mime; smime-type=certs-only');
    const printed = await openssl.ok(
      ...['pkcs7', '-inform', 'DER', '-print_certs', '-in', openssl.file('export.p7c', body)],
    );
    expect(parsePem(printed, 'CERTIFICATE')).toEqual(chainOf(certificate));
  });

  it('as PKCS #12 is opened by openssl, and holds no key', async () => {
    const answer = await app.api.post(path('pkcs12'), { password: 'sécret words', friendly_name: 'mine' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/x-pkcs12');
    const file = openssl.file('export.p12', answer.body);
    const opened = await openssl.run('pkcs12', '-in', file, '-info', '-nodes', '-passin', 'pass:sécret words');
    expect(opened.code).toBe(0);
    expect(parsePem(opened.stdout, 'CERTIFICATE')).toEqual(chainOf(certificate));
    expect(opened.stdout).toContain('friendlyName: mine');
    expect(opened.output).not.toContain('PRIVATE KEY');
    const wrong = await openssl.run('pkcs12', '-in', file, '-nokeys', '-passin', 'pass:other');
    expect(wrong.output).toContain('invalid password');
  });

  const keytool = spawnSync('keytool', ['-help'], { stdio: 'ignore' }).error === undefined ? it : it.skip;
  const readByKeytool = async (): Promise<void> => {
    const { body } = await app.api.post(path('pkcs12'), { password: 'changeit' });
    const file = openssl.file('java.p12', body);
    const { stdout } = spawnSync(
      'keytool',
      ['-J-Duser.language=en', '-list', '-storetype', 'PKCS12', '-keystore', file, '-storepass', 'changeit'],
      { encoding: 'utf8' },
    );
    expect(stdout).toContain(`${chainOf(certificate).length} entries`);
    expect(stdout).toContain(`${certificate.serial_number}, `);
  };
  keytool('as PKCS #12 is opened by Java', readByKeytool);
});

describe('9. An export without its audit event does not happen', () => {
  it('is an audit event that was there before the first byte', async () => {
    const issued = await new IssuingDesk(app, openssl).issue();
    await app.api.get(path('pem', issued.id));
    await app.api.get(path('pem?download=true', issued.id));
    await app.api.get(path('der', issued.id));
    await app.api.get(path('pkcs7', issued.id));
    await app.api.post(path('pkcs12', issued.id), { password: 'not in the trail' });
    const events = (await eventsOf(app, issued.id)).reverse();
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['cert_export_pem', 'success'],
      ['cert_export_pem', 'success'],
      ['cert_export_der', 'success'],
      ['cert_export_pkcs7', 'success'],
      ['cert_export_pkcs12', 'success'],
    ]);
    for (const { actor, details } of events) {
      expect(actor).toBe('api-key:bootstrap-admin');
      expect(details).toMatchObject({
        serial_number: issued.serial_number,
        issuer_id: 'iss-local',
        has_private_key: false,
      });
    }
    expect(events.map(({ details }) => details['download'])).toEqual([false, true, undefined, undefined, undefined]);
    expect(events.at(-1)!.details['cipher']).toMatch(/AES-256-CBC.*HMAC-SHA-256/);
    expect(JSON.stringify(events)).not.toContain('not in the trail');
  });

  it('is refused when the event can not be written', async () => {
    const issued = await new IssuingDesk(app, openssl).issue();
    await app.dataSource.query(`CREATE FUNCTION refuse_export() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF new.action LIKE 'cert_export_p%' THEN RAISE EXCEPTION 'no room'; END IF; RETURN new; END $$`);
    await app.dataSource.query(
      'CREATE TRIGGER refuse_export BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_export()',
    );
    try {
      for (const form of ['pem', 'pem?download=true', 'pkcs7']) {
        const { status, body } = await app.api.get(path(form, issued.id));
        expect(status).toBe(500);
        expect(body.includes('BEGIN CERTIFICATE')).toBe(false);
      }
      expect((await app.api.post(path('pkcs12', issued.id), { password: 'secret' })).status).toBe(500);
    } finally {
      await app.dataSource.query('DROP TRIGGER refuse_export ON audit_events');
      await app.dataSource.query('DROP FUNCTION refuse_export');
    }
  });
});

describe('an export that is refused', () => {
  it('refuses what is not there or not right, and tells the trail', async () => {
    expect((await app.api.get(path('pem', NOBODY))).json()).toMatchObject({ code: 'certificate_not_found' });
    expect((await eventsOf(app, NOBODY))[0]).toMatchObject({
      action: 'cert_export_failed',
      outcome: 'refused',
      details: { code: 'certificate_not_found' },
    });
    for (const [body, words] of [
      [{}, /password/],
      [{ password: '' }, /password/],
      [{ password: 'x'.repeat(1025) }, /password/],
      [{ password: '😀' }, /Basic Multilingual Plane/],
      [{ password: 'x', friendly_name: 'a\u0000b' }, /control characters/],
      [{ password: 'x', key: true }, /key/],
    ] as const) {
      const answer = await app.api.post(path('pkcs12'), body);
      expect([body, answer.status, answer.json()]).toEqual([
        body,
        400,
        expect.objectContaining({ code: 'invalid_request', detail: expect.stringMatching(words) as unknown }),
      ]);
    }
    expect((await app.api.get(path('pem?download=perhaps'))).status).toBe(400);
  });
});

describe('the limit of exports', () => {
  it('is one for all instances, by principal and hour, and refused attempts cost nothing', async () => {
    const env = { CERTPLANE_CERT_EXPORT_RATE_LIMIT_PER_ACTOR_HR: '6' };
    const first = await startTestApp({ env });
    const second = await startTestApp({ env, beside: first });
    try {
      const { id } = await new IssuingDesk(first, openssl).issue();
      const answers = await Promise.all(
        Array.from({ length: 15 }, (_, index) => (index % 2 === 0 ? first : second).api.get(path('der', id))),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(6);
      const refused = answers.filter(({ status }) => status !== 200);
      for (const { status, headers, ...answer } of refused) {
        expect(status).toBe(429);
        expect(headers['content-type']).toMatch(/^application\/problem\+json/);
        const problem = answer.json<{ retry_after_seconds: number }>();
        expect(problem).toMatchObject({ code: 'rate_limit_exceeded', error: 'rate_limit_exceeded', status: 429 });
        expect(problem.retry_after_seconds).toBeGreaterThan(3000);
        expect(problem.retry_after_seconds).toBeLessThanOrEqual(3600);
        expect(headers['retry-after']).toBe(String(problem.retry_after_seconds));
      }
      const failed = (await eventsOf(first, id)).filter(({ action }) => action === 'cert_export_failed');
      expect(failed).toHaveLength(refused.length);
      await first.dataSource.query(`UPDATE export_quotas SET window_start = window_start - interval '1 hour'`);
      expect((await second.api.get(path('der', id))).status).toBe(200);
      const [quota] = await first.dataSource.query<[{ used: number }]>('SELECT used FROM export_quotas');
      expect(quota.used).toBe(1);
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});

describe('the limit of calls', () => {
  it('is one for all instances, told in every answer, and not moved by any header', async () => {
    const env = { CERTPLANE_RATE_LIMIT_RPS: '1', CERTPLANE_RATE_LIMIT_BURST: '20' };
    const first = await startTestApp({ env });
    const second = await startTestApp({ env, beside: first });
    try {
      const calls = Array.from({ length: 120 }, (_, index) =>
        (index % 2 === 0 ? first : second).api.get('/api/v1/issuers/iss-local', {
          'x-forwarded-for': `192.0.2.${index}`,
          'x-real-ip': `192.0.2.${index}`,
        }),
      );
      const answers = await Promise.all(calls);
      const granted = answers.filter(({ status }) => status === 200);
      expect(granted.length).toBeGreaterThanOrEqual(20);
      expect(granted.length).toBeLessThan(120);
      for (const { status, headers, ...answer } of answers) {
        expect(headers['ratelimit-policy']).toBe('"default";q=20;w=20');
        expect(headers['ratelimit']).toMatch(/^"default";r=\d+;t=\d+$/);
        if (status === 200) continue;
        expect(status).toBe(429);
        expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
        expect(answer.json()).toMatchObject({ code: 'rate_limit_exceeded' });
      }
      // Those that need no key are not counted, and relying parties are not either.
      expect((await first.pki('/.well-known/pki/ca/iss-local')).status).toBe(200);
      expect((await first.api.get('/health')).headers['ratelimit']).toBeUndefined();
      await first.dataSource.query(`UPDATE rate_limits SET full_at = full_at - interval '1 hour'`);
      expect((await second.api.get('/api/v1/issuers/iss-local')).status).toBe(200);
    } finally {
      await second.stop();
      await first.stop();
    }
  });

  it('refuses nobody while it can not be asked', async () => {
    const limited = await startTestApp({ env: { CERTPLANE_RATE_LIMIT_RPS: '1', CERTPLANE_RATE_LIMIT_BURST: '1' } });
    try {
      await limited.dataSource.query('ALTER TABLE rate_limits RENAME TO elsewhere');
      for (let call = 0; call < 5; call++) {
        expect((await limited.api.get('/api/v1/issuers/iss-local')).status).toBe(200);
      }
    } finally {
      await limited.stop();
    }
  });
});
