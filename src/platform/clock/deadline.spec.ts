import { withDeadline } from './deadline.js';

const HOUR_MS = 3_600_000;
const never = new Promise<string>(() => undefined);

describe('withDeadline', () => {
  it('brings what the work brings in time', async () => {
    await expect(withDeadline(Promise.resolve('done'), HOUR_MS, () => 'late')).resolves.toBe('done');
  });

  it('fails as the work does in time', async () => {
    const work = Promise.reject(new Error('broken'));
    await expect(withDeadline(work, HOUR_MS, () => 'late')).rejects.toThrow('broken');
  });

  it('gives what is said instead of work that takes too long, or throws it', async () => {
    await expect(withDeadline(never, 1, () => 'late')).resolves.toBe('late');
    const refuse = (): never => {
      throw new Error('too late');
    };
    await expect(withDeadline(never, 1, refuse)).rejects.toThrow('too late');
  });

  it('takes no notice of work that fails after that', async () => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<string>((_, reject) => (fail = reject));
    await expect(withDeadline(work, 1, () => 'late')).resolves.toBe('late');
    fail(new Error('nobody listens'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
