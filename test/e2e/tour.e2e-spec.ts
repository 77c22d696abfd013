import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';

interface TourRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function tour(env: Readonly<Record<string, string>>): Promise<TourRun> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('CERTPLANE_'));
  const child = spawn(process.execPath, ['dist/scripts/tour.js'], { env: { ...Object.fromEntries(own), ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('the tour', () => {
  let app: AppProcess;
  let dataDir: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'certplane-tour-'));
    // The account that runs the embedded PostgreSQL when the tests run as root has to get in.
    chmodSync(dataDir, 0o755);
    env = {
      CERTPLANE_DATA_DIR: dataDir,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: String(await findFreePort()),
    };
    app = await new AppProcess(env).ready();
  });
  afterAll(async () => {
    await app.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('goes from a CSR to a revoked certificate, and says what was proven', async () => {
    const { code, stdout, stderr } = await tour(env);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/tour\.pem: OK[^]*tour\.pem: good[^]*tour\.pem: revoked[^]*certificate revoked/);
    expect(stdout.match(/^ {3}ok /gm)).toHaveLength(8);
    expect(stdout).toMatch(/\nProven: .+\n\n$/);
    expect(code).toBe(0);
  });

  it('writes no colours where there is no terminal', async () => {
    const { stdout } = await tour(env);
    expect(stdout).not.toContain('\u001b');
  });

  it('says so when openssl is missing', async () => {
    const { code, stderr } = await tour({ ...env, PATH: '/nonexistent' });
    expect(stderr).toContain('There is no openssl in the PATH.');
    expect(code).toBe(1);
  });

  it('says so when the server does not run there', async () => {
    const { code, stderr } = await tour({ ...env, CERTPLANE_HTTPS_PORT: String(await findFreePort()) });
    expect(stderr).toMatch(
      /https:\/\/127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\. Start Certplane with `npm start`/,
    );
    expect(code).toBe(1);
  });

  it('says so when the data directory holds no instance', async () => {
    const { code, stderr } = await tour({ CERTPLANE_DATA_DIR: join(dataDir, 'elsewhere') });
    expect(stderr).toContain(`${join(dataDir, 'elsewhere', 'ca.pem')} can't be read (ENOENT).`);
    expect(code).toBe(1);
  });
});

describe('the guarantees in the README', () => {
  const guarantees = [
    ...readFileSync('README.md', 'utf8').matchAll(/^- \*\*(\d+\. [^*]+)\*\*.*\(\[test\]\((\S+)\)\)$/gm),
  ];

  it('are there', () => expect(guarantees.length).toBeGreaterThanOrEqual(10));

  it.each(guarantees.map(([, name = '', file = '']) => [name.replace(/\.$/, ''), file] as const))(
    'have a test of the name "%s" in %s',
    (name, file) => {
      expect(readFileSync(file, 'utf8')).toContain(`describe('${name}'`);
    },
  );
});

describe('the documents', () => {
  const documents = ['.', 'docs', 'docs/decisions', 'docs/runbooks']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => path.endsWith('.md'));

  it('are found', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/architecture.md', 'docs/configuration.md']));
  });

  it.each(documents)('%s has no link to a file or heading that is not there', (document) => {
    expect(linksOf(readFileSync(document, 'utf8')).filter((link) => !leadsSomewhere(document, link))).toEqual([]);
  });
});

/** The targets of the relative links, without those inside code. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, (code) => 'x'.repeat(code.length));
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return targets.filter((target) => !/^[a-z]+:/i.test(target));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(target)) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
}

/** The anchors of the headings, as code hosts make them. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.replace(/^```[^]*?^```/gm, '').matchAll(/^#+ +(.+)$/gm)].map((match) => match[1] ?? '');
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
