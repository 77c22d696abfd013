import * as fc from 'fast-check';
import { CrlEntryCursor } from './crl-entry-cursor.js';
import { CrlEntriesWriter } from './crl-entries-writer.js';
import { type CrlEntry, readCrlEntry } from './crl-entry.js';
import { DerError, DerReader } from './der-reader.js';
import {
  boolean,
  enumerated,
  generalizedTime,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  time,
} from './der-writer.js';
import { OID } from './object-identifiers.js';
import { CRL_REASON_CODES, type CrlReason, findCrlReason, findRevocationReason } from './revocation-reason.js';
import { bitFlipsOf, mutationsOf, prefixesOf, withLongerLength } from './testing/hostile-bytes.js';
import { buildExtension } from './x509-elements.js';

const REASONS = Object.keys(CRL_REASON_CODES) as CrlReason[];
const at = (iso: string): Date => new Date(iso);
const revokedAt = at('2026-01-02T03:04:05Z');
const reasonOf = (code: number, critical = false): Buffer => buildExtension(OID.cRLReason, critical, enumerated(code));
const invalidity = buildExtension(OID.invalidityDate, false, generalizedTime(revokedAt));
const unknown = buildExtension('1.2.3', false, nullValue());
const entry = (...extensions: Buffer[]): Buffer => sequence(integer(0x80), time(revokedAt), sequence(...extensions));

/** One entry of each form that CrlEntriesWriter writes. */
const WRITTEN: CrlEntry[] = REASONS.flatMap((reason, i) =>
  [null, at('1949-12-31T23:59:59Z'), at('2055-06-07T08:09:10Z')].map((invalidityDate, j) => ({
    serialNumber: [Buffer.of(1 + i), Buffer.alloc(20, 0x7f), Buffer.alloc(19, 0x80 + i)][j]!,
    revokedAt: at(`${2048 + j}-02-28T23:59:${10 + i}Z`),
    reason,
    invalidityDate,
  })),
);

/** The entries one after another, as CrlEntriesWriter writes them. */
function listOf(written: readonly CrlEntry[]): Buffer {
  const entries = new CrlEntriesWriter();
  for (const { serialNumber, reason, ...times } of written)
    entries.add(serialNumber, times.revokedAt, reason, times.invalidityDate);
  return new DerReader(Buffer.concat(entries.list())).readBytes(0x30);
}

/** What comes of the bytes: the entries, and after how many of them an error. */
interface Outcome {
  readonly entries: readonly CrlEntry[];
  readonly message: string | null;
}

function outcomeOf(next: () => CrlEntry | null): Outcome {
  const entries: CrlEntry[] = [];
  try {
    for (let found = next(); found !== null; found = next()) entries.push(found);
    return { entries, message: null };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return { entries, message: error.message };
  }
}

function byCursor(bytes: Uint8Array): Outcome {
  const cursor = new CrlEntryCursor(Buffer.from(bytes), 0, bytes.length);
  return outcomeOf(() => (cursor.next() ? cursor.copy() : null));
}

function byReader(bytes: Uint8Array): Outcome {
  const reader = new DerReader(bytes);
  return outcomeOf(() => (reader.atEnd ? null : readCrlEntry(reader)));
}

describe('CrlEntryCursor', () => {
  it('reads what CrlEntriesWriter has written', () => {
    expect(byCursor(listOf(WRITTEN))).toEqual({ entries: WRITTEN, message: null });
    expect(byReader(listOf(WRITTEN))).toEqual({ entries: WRITTEN, message: null });
  });

  it('shows each entry in one object, and knows its serial number', () => {
    const bytes = listOf(WRITTEN);
    const cursor = new CrlEntryCursor(bytes, 0, bytes.length);
    for (const { serialNumber, reason, ...times } of WRITTEN) {
      expect(cursor.next()).toBe(true);
      expect([cursor.serialNumber, cursor.reason]).toEqual([serialNumber, reason]);
      expect([cursor.revokedAt * 1000, cursor.invalidityDate && cursor.invalidityDate * 1000]).toEqual([
        times.revokedAt.getTime(),
        times.invalidityDate?.getTime() ?? null,
      ]);
      expect(
        [serialNumber, Buffer.of(0, ...serialNumber), serialNumber.subarray(1)].map((s) => cursor.isOf(s)),
      ).toEqual([true, false, false]);
    }
    expect([cursor.next(), cursor.next(), cursor.offset]).toEqual([false, false, bytes.length]);
  });

  it('stays within its bytes of a CRL', () => {
    const one = sequence(integer(5), time(revokedAt));
    const crl = Buffer.concat([Buffer.alloc(3), one, one]);
    const cursor = new CrlEntryCursor(crl, 3, 3 + one.length);
    expect([cursor.next(), cursor.serialNumber.toString('hex'), cursor.next()]).toEqual([true, '05', false]);
    expect(() => new CrlEntryCursor(crl, 3, 2 + one.length).next()).toThrow('longer than what holds it at byte 3');
  });

  it.each<[string, Buffer]>([
    ['a serial number of zero', sequence(integer(0), time(revokedAt))],
    ['a serial number of 21 octets', sequence(integer(1n << 159n), time(revokedAt))],
    ['a serial number without octets', sequence(Buffer.of(2, 0), time(revokedAt))],
    ['a negative serial number', sequence(Buffer.of(2, 1, 0x80), time(revokedAt))],
    ['a padded serial number', sequence(Buffer.of(2, 2, 0, 0x7f), time(revokedAt))],
    ['a serial number in a longer form', sequence(withLongerLength(integer(5)), time(revokedAt))],
    ['a time in a longer form', sequence(integer(5), withLongerLength(time(revokedAt)))],
    ['a time of the wrong tag', sequence(integer(5), octetString(Buffer.from('260102030405Z')))],
    ['30 February', sequence(integer(5), Buffer.from('\x17\x0d260230030405Z'))],
    ['no time', sequence(integer(5))],
    ['an invalidity date before a reason', entry(invalidity, reasonOf(1))],
    ['a critical reason', entry(reasonOf(1, true))],
    ['an unknown extension', entry(unknown)],
    ['an unknown extension after the others', entry(reasonOf(1), invalidity, unknown)],
    [
      'an unknown extension that makes lengths long',
      entry(reasonOf(1), buildExtension('1.2.3', false, Buffer.alloc(300))),
    ],
    ['an unknown extension that is critical', entry(buildExtension('1.2.3', true, nullValue()))],
    ['an unspecified reason that is written out', entry(reasonOf(0))],
    ['the reason 7', entry(reasonOf(7))],
    ['the reason 11', entry(reasonOf(11), invalidity)],
    ['two reasons', entry(reasonOf(1), reasonOf(1))],
    ['two invalidity dates', entry(invalidity, invalidity)],
    ['an invalidity date as UTCTime', entry(buildExtension(OID.invalidityDate, false, time(revokedAt)))],
    ['no extensions in their list', entry()],
    ['two lists of extensions', sequence(integer(5), time(revokedAt), sequence(reasonOf(1)), sequence(invalidity))],
    ['FALSE written out', entry(sequence(oid(OID.cRLReason), boolean(false), octetString(enumerated(1))))],
  ])('makes the same of %s as readCrlEntry', (_, bytes) => {
    const usual = sequence(integer(9), time(revokedAt));
    const list = Buffer.concat([usual, bytes, usual]);
    expect(byCursor(list)).toEqual(byReader(list));
  });

  it('makes the same as readCrlEntry of every prefix, every turned bit and random changes', () => {
    const differing = (inputs: Iterable<Uint8Array>): Uint8Array[] =>
      [...inputs].filter((input) => JSON.stringify(byCursor(input)) !== JSON.stringify(byReader(input)));
    const forms = [WRITTEN[2]!, WRITTEN[3]!, WRITTEN[4]!].map((form) => listOf([form]));
    for (const bytes of [...forms, entry(unknown), listOf([WRITTEN[3]!, WRITTEN[5]!, WRITTEN[0]!])]) {
      expect(differing([...prefixesOf(bytes), ...bitFlipsOf(bytes)])).toEqual([]);
      fc.assert(fc.property(mutationsOf(bytes), (mutant) => differing([mutant]).length === 0));
    }
  });
});

describe('findCrlReason', () => {
  it('knows the codes of RFC 5280 and no others, and only delta CRLs remove', () => {
    for (const reason of REASONS) expect(findCrlReason(CRL_REASON_CODES[reason])).toBe(reason);
    for (const code of [-1, 0.5, 7, 11, 127, Number.NaN]) expect(findCrlReason(code)).toBeNull();
    expect([findRevocationReason(8), findRevocationReason(6), findRevocationReason(7)]).toEqual([
      null,
      'certificateHold',
      null,
    ]);
  });
});
