import { formatFirstLine, formatLastLine, formatTrailItem, parseTrailLine, trailEventOf } from './trail-lines.js';
import type { TrailItem } from './trail.js';

const HASH = Buffer.alloc(32, 7);
const CHECKPOINT = {
  treeSize: 3,
  note: 'o\n3\nr\n\n— o s\n',
  signedAt: new Date('2026-11-21T10:30:01Z'),
  keyId: 'key',
  frontier: [HASH, HASH],
};
const EVENT: Extract<TrailItem, { kind: 'event' }> = {
  kind: 'event',
  event: { position: 2, leafHash: HASH, eventId: 'id', event: { id: 'id', details: { text: 'a\nb' } } as never },
};

describe('the lines of an export', () => {
  it('are read as they are written, one line each', () => {
    const lines = [
      formatFirstLine(3, CHECKPOINT),
      formatFirstLine(0, null),
      formatTrailItem(EVENT),
      formatTrailItem({ kind: 'checkpoint', checkpoint: CHECKPOINT }),
      formatLastLine(3),
    ];
    for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(lines.map((line) => parseTrailLine(line))).toEqual([
      { type: 'export', version: 1, first_position: 3, after: { note: CHECKPOINT.note, frontier: [HASH, HASH] } },
      { type: 'export', version: 1, first_position: 0, after: null },
      { type: 'event', position: 2, leaf_hash: HASH, event: { id: 'id', details: { text: 'a\nb' } } },
      { type: 'checkpoint', tree_size: 3, signed_at: '2026-11-21T10:30:01.000Z', key_id: 'key', note: CHECKPOINT.note },
      { type: 'end', tree_size: 3 },
    ]);
  });

  it('give back the event, or say that it is gone', () => {
    const line = parseTrailLine(formatTrailItem(EVENT));
    if (line?.type !== 'event') throw new Error('no event');
    expect(trailEventOf(line)).toEqual(EVENT.event);
    expect(trailEventOf({ ...line, event: null })).toMatchObject({ eventId: null, event: null });
  });

  const good = formatTrailItem(EVENT).trimEnd();
  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['another type', '{"type":"events"}'],
    ['a member too many', good.replace('{', '{"more":1,')],
    ['a negative position', good.replace(':2,', ':-1,')],
    ['a position that is too large to count', good.replace(':2,', ':9007199254740993,')],
    ['a hash that is too short', good.replace('07', '')],
    ['an event without an id', good.replace('"id":"id",', '')],
    ['an end that is none', '{"type":"end","tree_size":"3"}'],
    ['depth without end', '['.repeat(100_000)],
  ])('are not %s', (_, text) => {
    expect(parseTrailLine(text)).toBeNull();
  });
});
