import type { TrailItem } from '../trail.js';
import { formatSyslogMessage, frameSyslogMessage } from './syslog-message.js';

const EVENT = {
  id: '019aa6c2-5d41-7b60-a2c8-7e0d9f3b1c64',
  occurred_at: '2026-11-21T10:30:00.123Z',
  actor: 'client-cert:CN=Zoë ]"\\',
  action: 'certificate.revoke',
  outcome: 'success',
  subject_type: 'certificate',
  subject_id: null,
  source_address: null,
  request_id: null,
  details: {},
} as const;

const event = (over: Partial<Record<keyof typeof EVENT, unknown>> = {}): TrailItem => ({
  kind: 'event',
  event: { position: 7, leafHash: Buffer.alloc(32), eventId: EVENT.id, event: { ...EVENT, ...over } as never },
});

describe('formatSyslogMessage', () => {
  it('writes an event as RFC 5424 has it, all of it ASCII', () => {
    const message = formatSyslogMessage(event(), 'ca-1.example.com');
    const [header, json] = [message.slice(0, message.indexOf('] {') + 1), message.slice(message.indexOf('] {') + 2)];
    expect(header).toBe(
      '<110>1 2026-11-21T10:30:00.123Z ca-1.example.com certplane - certificate.revoke [origin software="certplane"]',
    );
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(json)).toEqual({ type: 'event', position: 7, leaf_hash: '00'.repeat(32), event: EVENT });
  });

  it('warns of what was refused, and of an event that is gone', () => {
    expect(formatSyslogMessage(event({ outcome: 'refused' }), 'h')).toMatch(/^<108>1 /);
    const gone: TrailItem = {
      kind: 'event',
      event: { position: 7, leafHash: Buffer.alloc(32), eventId: null, event: null },
    };
    expect(formatSyslogMessage(gone, 'h')).toMatch(/^<108>1 - h certplane - - \[origin /);
  });

  it('writes a checkpoint', () => {
    const signedAt = new Date('2026-11-21T10:30:01Z');
    const checkpoint = { treeSize: 8, note: 'o\n8\nr\n\n— o s\n', signedAt, keyId: 'k', frontier: [] };
    const message = formatSyslogMessage({ kind: 'checkpoint', checkpoint }, 'h');
    expect(message).toMatch(
      /^<110>1 2026-11-21T10:30:01.000Z h certplane - audit.checkpoint \[origin software="certplane"\] \{/,
    );
    expect(JSON.parse(message.slice(message.indexOf('] {') + 2))).toMatchObject({
      tree_size: 8,
      note: checkpoint.note,
    });
  });

  it.each([
    ['', '-'],
    ['two words\n', 'twowords'],
    ['hôte', 'hte'],
    ['h'.repeat(300), 'h'.repeat(255)],
  ])('writes no host name that the header can not have: %j', (hostname, written) => {
    expect(formatSyslogMessage(event(), hostname).split(' ')[2]).toBe(written);
  });
});

describe('frameSyslogMessage', () => {
  it('puts the number of octets in front', () => {
    expect(frameSyslogMessage('<110>1 - - - - - -')).toBe('18 <110>1 - - - - - -');
  });
});
