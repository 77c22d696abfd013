import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../platform/config/env.js';
import { StartError } from '../platform/errors/start-error.js';
import { loadMasterKey } from './master-key-source.js';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'certplane-master-key-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const load = (environment: Record<string, string> = {}) =>
  loadMasterKey(readConfig({ CERTPLANE_DATA_DIR: join(dir, 'data'), ...environment }));

describe('loadMasterKey', () => {
  it('makes a key on the first start, for its owner alone, and warns', () => {
    const { masterKey, warning } = load();
    const file = join(dir, 'data', 'master.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(file, 'utf8'), 'base64')).toHaveLength(32);
    expect(readdirSync(join(dir, 'data'))).toEqual(['master.key']);
    expect(warning).toContain(`A master key was made in ${file}.`);
    const wrapped = masterKey.wrap(Buffer.from('x'), 'c');
    const again = load();
    expect(again.masterKey.unwrap(wrapped, 'c')).toEqual(Buffer.from('x'));
    expect(again.warning).toContain(`The master key lies in ${file}.`);
  });

  it('takes the one of the configuration, writes nothing and is content', () => {
    const { warning } = load({ CERTPLANE_MASTER_KEY: Buffer.alloc(32, 3).toString('hex') });
    expect(warning).toBeNull();
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each(['', 'x', Buffer.alloc(31).toString('base64')])('refuses a damaged file: %j', (contents) => {
    load();
    writeFileSync(join(dir, 'data', 'master.key'), contents);
    expect(() => load()).toThrow(StartError);
  });
});
