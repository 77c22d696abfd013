import type { IncomingMessage } from 'node:http';
import { cachingHeaders, judgeConditions, matchesEtag, notModifiedSince } from './public-answer.js';

const request = (headers: Record<string, string>) => ({ headers }) as IncomingMessage;

describe('matchesEtag', () => {
  it.each(['"abc"', 'W/"abc"', '"x", "abc"', '"x" ,W/"abc"', '*'])('finds "abc" in %s', (header) => {
    expect(matchesEtag(request({ 'if-none-match': header }), '"abc"')).toBe(true);
  });

  it.each(['', 'abc', '"ab"', '"abcd"', '"x", "y"', 'W/"x"'])('does not find "abc" in %j', (header) => {
    expect(matchesEtag(request({ 'if-none-match': header }), '"abc"')).toBe(false);
  });

  it('is false without the header', () => {
    expect(matchesEtag(request({}), '"abc"')).toBe(false);
  });
});

describe('notModifiedSince', () => {
  const modified = new Date('2026-11-21T10:00:00.900Z');

  it.each([
    ['Sat, 21 Nov 2026 09:59:59 GMT', false],
    ['Sat, 21 Nov 2026 10:00:00 GMT', true],
    ['Sat, 21 Nov 2026 10:00:01 GMT', true],
    ['yesterday', false],
    ['', false],
  ])('compares whole seconds: %s', (since, expected) => {
    expect(notModifiedSince(request({ 'if-modified-since': since }), modified)).toBe(expected);
  });

  it('gives way to If-None-Match', () => {
    const headers = { 'if-modified-since': 'Sat, 21 Nov 2026 10:00:00 GMT', 'if-none-match': '"other"' };
    expect(notModifiedSince(request(headers), modified)).toBe(false);
  });
});

describe('cachingHeaders', () => {
  it('are those of RFC 9919 section 5', () => {
    const lastModified = new Date('2026-11-21T10:00:00Z');
    const expires = new Date('2026-11-22T10:00:00Z');
    expect(cachingHeaders({ etag: '"abc"', lastModified, expires, maxAge: 60 })).toEqual({
      ETag: '"abc"',
      'Last-Modified': 'Sat, 21 Nov 2026 10:00:00 GMT',
      Expires: 'Sun, 22 Nov 2026 10:00:00 GMT',
      'Cache-Control': 'max-age=60, public, no-transform, must-revalidate',
    });
  });
});

describe('judgeConditions', () => {
  const etag = '"abc"';
  const lastModified = new Date('2026-11-21T10:00:00.900Z');
  const earlier = 'Sat, 21 Nov 2026 09:59:59 GMT';
  const same = 'Sat, 21 Nov 2026 10:00:00 GMT';

  it.each<[Record<string, string>, 304 | 412 | null]>([
    [{}, null],
    [{ 'if-match': etag }, null],
    [{ 'if-match': `"x", ${etag}` }, null],
    [{ 'if-match': '*' }, null],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-match': `W/${etag}` }, 412],
    [{ 'if-match': '' }, 412],
    [{ 'if-unmodified-since': same }, null],
    [{ 'if-unmodified-since': 'tomorrow' }, null],
    [{ 'if-unmodified-since': earlier }, 412],
    [{ 'if-match': etag, 'if-unmodified-since': earlier }, null],
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': '"x"' }, null],
    [{ 'if-modified-since': same }, 304],
    [{ 'if-modified-since': earlier }, null],
    [{ 'if-none-match': '"x"', 'if-modified-since': same }, null],
    [{ 'if-match': '"x"', 'if-none-match': etag }, 412],
    [{ 'if-match': etag, 'if-none-match': etag }, 304],
    [{ 'if-unmodified-since': earlier, 'if-modified-since': same }, 412],
  ])('heeds the conditions in the order of RFC 9110 section 13.2.2: %j', (headers, expected) => {
    expect(judgeConditions(request(headers), { etag, lastModified })).toBe(expected);
  });
});
