import { CrlLoans } from './crl-loans.js';
import type { CrlRepresentation, CrlVariant } from './crl-representation.js';

const representation = (issuerId: string, crlNumber: number, variant: CrlVariant = 'der'): CrlRepresentation => ({
  crl: {
    scope: { issuerId, kind: 'complete', shard: 0 },
    crlNumber: String(crlNumber),
    sha256: '',
    thisUpdate: new Date(0),
    nextUpdate: new Date(0),
    sizeBytes: 0,
  },
  variant,
  etag: '',
  length: 100_000,
  chunks: [],
});

/** Room for two that were replaced. */
const loansForTwo = (): CrlLoans => new CrlLoans(210_000);

describe('CrlLoans', () => {
  it('finds what is being downloaded, until its last download ends', () => {
    const loans = loansForTwo();
    const lent = representation('a', 9);
    const ends = [1, 2].map(() => loans.begin(lent, () => undefined));
    expect(loans.find({ ...lent.crl }, 'der')).toBe(lent);
    expect(loans.find(lent.crl, 'pem')).toBeNull();
    expect(loans.find({ ...lent.crl, crlNumber: '10' }, 'der')).toBeNull();
    expect(loans.find(representation('b', 9).crl, 'der')).toBeNull();
    ends[0]!();
    ends[0]!();
    expect(loans.list()).toEqual([lent]);
    ends[1]!();
    expect(loans.list()).toEqual([]);
  });

  it('breaks off the earliest of those that were replaced, when they take more than the bound', () => {
    const loans = loansForTwo();
    const broken: string[] = [];
    const begin = (crlNumber: number, name: string) =>
      loans.begin(representation('a', crlNumber), () => broken.push(name));
    begin(9, 'first of 9');
    loans.begin(loans.list()[0]!, () => broken.push('second of 9'));
    begin(10, '10');
    begin(11, '11');
    expect(broken).toEqual([]);
    const end = begin(12, '12');
    expect(broken).toEqual(['first of 9', 'second of 9']);
    expect(loans.list().map(({ crl }) => crl.crlNumber)).toEqual(['10', '11', '12']);
    end();
    expect(loans.list()).toHaveLength(2);
  });

  it('breaks off none that is current, however many there are', () => {
    const loans = loansForTwo();
    const broken: string[] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      for (const variant of ['der', 'pem'] as const) loans.begin(representation(id, 9, variant), () => broken.push(id));
    }
    expect(broken).toEqual([]);
    expect(loans.list()).toHaveLength(10);
  });

  it('is not confused by the end of a download that was broken off', () => {
    const loans = new CrlLoans(0);
    const replaced = representation('a', 9);
    const ends = [loans.begin(replaced, () => ends[0]!())];
    loans.begin(representation('a', 10), () => undefined);
    const again = loans.begin(replaced, () => undefined);
    ends[0]!();
    again();
    expect(loans.list().map(({ crl }) => crl.crlNumber)).toEqual(['10']);
  });
});
