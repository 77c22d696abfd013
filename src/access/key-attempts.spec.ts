import type { Principal } from '../platform/http/caller.js';
import { EVERYTHING } from '../platform/http/scope.js';
import { hashApiKey } from './api-key-secret.js';
import { KeyAttempts } from './key-attempts.js';

const SOMEBODY: Principal = { actor: 'api-key:a', role: 'viewer', scope: EVERYTHING, expiresAt: null };
const HERE = '192.0.2.1';

/** A door that knows these keys. */
class Door {
  now = 0;
  lookUps = 0;
  private readonly attempts = new KeyAttempts(() => this.now);

  constructor(readonly right: Set<string>) {}

  async knock(key: string, from = HERE): Promise<string> {
    try {
      const principal = await this.attempts.judge(from, hashApiKey(key), async () => {
        this.lookUps += 1;
        await Promise.resolve();
        return this.right.has(key) ? SOMEBODY : null;
      });
      return principal === null ? 'wrong' : 'right';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  async guess(times: number, from = HERE): Promise<string[]> {
    const told: string[] = [];
    for (let i = 0; i < times; i++) told.push(await this.knock(`guess-${this.lookUps}-${i}`, from));
    return told;
  }
}

const times = (word: string, count: number): string[] => Array.from({ length: count }, () => word);

describe('KeyAttempts', () => {
  it('looks at ten wrong keys of a source a minute, and then at none, not even at a right one', async () => {
    const door = new Door(new Set(['new']));
    expect(await door.guess(12)).toEqual([...times('wrong', 10), ...times('too_many_attempts', 2)]);
    expect(await door.knock('new')).toBe('too_many_attempts');
    expect(door.lookUps).toBe(10);
    door.now += 6000;
    expect(await door.knock('new')).toBe('right');
  });

  it('takes an IPv6 network of 64 bits for one source, and others for others', async () => {
    const door = new Door(new Set(['right']));
    for (let host = 1; host <= 10; host++) await door.knock(`guess-${host}`, `2001:db8::${host}`);
    expect(await door.knock('guess', '2001:db8::ffff')).toBe('too_many_attempts');
    expect(await door.knock('right', '2001:db8:0:1::1')).toBe('right');
    expect(await door.knock('right')).toBe('right');
  });

  it('holds up nobody whose key was right at the same address within the last hour', async () => {
    const door = new Door(new Set(['known']));
    expect(await door.knock('known')).toBe('right');
    await door.guess(20);
    expect(await door.knock('known')).toBe('right');
    door.now += 3_600_001;
    await door.guess(20);
    expect(await door.knock('known')).toBe('too_many_attempts');
  });

  it('knows a key as right at its own address only', async () => {
    const door = new Door(new Set(['known']));
    await door.knock('known', '192.0.2.2');
    await door.guess(20);
    expect(await door.knock('known')).toBe('too_many_attempts');
  });

  it('counts no right key, however many come at once', async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`);
    const door = new Door(new Set(keys));
    for (const key of keys) expect(await door.knock(key)).toBe('right');
    expect(await Promise.all(Array.from({ length: 100 }, () => door.knock('key-0', '192.0.2.9')))).toEqual(
      times('right', 100),
    );
    expect(await door.guess(11)).toEqual([...times('wrong', 10), 'too_many_attempts']);
  });

  it('is no less strict to guesses that come at once; one key on many connections is one guess', async () => {
    const door = new Door(new Set());
    const told = await Promise.all(Array.from({ length: 100 }, (_, index) => door.knock(`guess-${index}`)));
    expect(told.filter((word) => word === 'wrong')).toHaveLength(10);
    const same = new Door(new Set());
    expect(await Promise.all(Array.from({ length: 100 }, () => same.knock('guess')))).toEqual(times('wrong', 100));
    expect(await same.guess(10)).toEqual([...times('wrong', 9), 'too_many_attempts']);
  });

  it('counts a key that was right and is not any more', async () => {
    const door = new Door(new Set(['revoked']));
    await door.knock('revoked');
    door.right.delete('revoked');
    await door.guess(9);
    expect(await door.knock('revoked')).toBe('wrong');
    expect(await door.knock('revoked')).toBe('too_many_attempts');
  });

  it('does not count what could not be looked up', async () => {
    const attempts = new KeyAttempts(() => 0);
    for (let i = 0; i < 30; i++) {
      const failing = attempts.judge(HERE, hashApiKey(`key-${i}`), () => Promise.reject(new Error('no database')));
      await expect(failing).rejects.toThrow('no database');
    }
  });
});
