import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { Registry } from 'prom-client';
import { AdminUsageError, type AdminCommand, type AdminOptions } from '../../src/admin/admin-command.js';
import { AUDIT_ROTATE_KEY } from '../../src/admin/audit-rotate-key.js';
import { AUDIT_VERIFY } from '../../src/admin/audit-verify.js';
import { AuditExport } from '../../src/audit/audit-export.js';
import { AuditSealer } from '../../src/audit/audit-sealer.js';
import { AuditService } from '../../src/audit/audit.service.js';
import { signCheckpoint } from '../../src/audit/checkpoint-note.js';
import { MerkleTree } from '../../src/audit/merkle-tree.js';
import { EVENT_COLUMNS, eventOf, leafHashOf, type EventRow } from '../../src/audit/sealed-event.js';
import { signatureAlgorithmOf } from '../../src/pki/signature-algorithm.js';
import { PG_POOL } from '../../src/platform/database/database.module.js';
import { Transactions } from '../../src/platform/database/transaction.js';
import { EVERYTHING } from '../../src/platform/http/scope.js';
import { systemCaller, type Caller } from '../../src/platform/http/caller.js';
import { runAdmin } from '../support/admin-command.js';
import { ApiClient } from '../support/api-client.js';
import { AppProcess } from '../support/app-process.js';
import { findFreePort } from '../support/free-port.js';
import { IssuingDesk, problemCode, type Page } from '../support/issuing.js';
import { OpensslWorkshop } from '../support/openssl.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { waitUntil } from '../support/wait-until.js';

interface AuditEventJson {
  readonly id: string;
  readonly occurred_at: string;
  readonly actor: string;
  readonly action: string;
  readonly outcome: string;
  readonly subject_type: string;
  readonly subject_id: string | null;
  readonly request_id: string | null;
  readonly details: Record<string, unknown>;
}

interface CheckpointJson {
  readonly tree_size: number;
  readonly root_hash: string;
  readonly signed_at: string;
  readonly key_id: string;
  readonly note: string;
}

interface CheckpointsJson extends Page<CheckpointJson> {
  readonly public_keys: { id: string; public_key_pem: string; created_at: string; retired_at: string | null }[];
}

type Line = {
  readonly type: string;
  readonly position?: number | undefined;
  readonly event?: AuditEventJson;
  readonly note?: string;
} & {
  readonly [name: string]: unknown;
};

const AUDIT = '/api/v1/audit';

let openssl: OpensslWorkshop;
let app: TestApp;
let desk: IssuingDesk;

beforeAll(async () => {
  openssl = new OpensslWorkshop();
  app = await startTestApp({ schedules: false });
  desk = new IssuingDesk(app, openssl);
});
afterAll(async () => {
  openssl.remove();
  await app.stop();
});

const sealerOf = (of: TestApp): AuditSealer => of.app.nest.get(AuditSealer);
const poolOf = (of: TestApp): Pool => of.app.nest.get<Pool>(PG_POOL);
const checkpoints = (of = app): Promise<CheckpointsJson> => of.api.fetch(`${AUDIT}/checkpoints`);
const trail = (query = '', of = app) => of.api.fetch<Page<AuditEventJson>>(`${AUDIT}${query}`);

async function sql<Row>(text: string, values: unknown[] = [], of = app): Promise<Row[]> {
  return of.dataSource.query<Row[]>(text, values);
}

const countOf = async (table: string, of = app): Promise<number> =>
  (await sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`, [], of))[0]!.n;

/** Records events as the product does; each stands for one call. */
async function record(count: number, of = app, caller: Caller = systemCaller('test')): Promise<void> {
  const [transactions, audit] = [of.app.nest.get(Transactions), of.app.nest.get(AuditService)];
  for (let i = 0; i < count; i++) {
    await transactions.run((tx) =>
      audit.record(tx, caller, {
        action: 'issuer.enable',
        subjectType: 'issuer',
        subjectId: `made-${i}`,
        details: { i },
      }),
    );
  }
}

interface Said {
  readonly code: number;
  readonly text: string;
}

/** Runs an admin command on the database of the app. */
async function admin(command: AdminCommand, options: AdminOptions = {}, of = app): Promise<Said> {
  let text = '';
  const code = await command.run(options, {
    withDatabase: (work) => work(of.dataSource),
    print: (line) => void (text += `${line}\n`),
    tell: () => undefined,
  });
  return { code, text: text.trimEnd() };
}

const verify = (options: AdminOptions = {}, of = app): Promise<Said> => admin(AUDIT_VERIFY, options, of);
/** @throws Error when there is anything wrong with a trail that nobody touched */
async function requireIntact(of: TestApp): Promise<void> {
  const { code, text } = await verify({}, of);
  if (code !== 0) throw new Error(text);
}
const INTACT = { code: 0, text: expect.stringContaining('is as it was sealed') };

/** Files with all public keys and the newest checkpoint, as an auditor keeps them. */
async function keep(name: string, of = app): Promise<{ keys: string; note: string; size: number }> {
  const { items, public_keys } = await checkpoints(of);
  return {
    keys: openssl.file(`${name}.pem`, public_keys.map((key) => key.public_key_pem).join('')),
    note: openssl.file(`${name}.note`, items[0]!.note),
    size: items[0]!.tree_size,
  };
}

async function exportLines(range = '', of = app): Promise<Line[]> {
  const answer = await of.api.get(`${AUDIT}/export${range}`);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
  const text = answer.body.toString();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

const fileOf = (name: string, lines: readonly unknown[]): string =>
  openssl.file(name, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

describe('the list of events', () => {
  it('is filtered by who, what, about what, when and how it ended', async () => {
    await desk.root('filtered');
    await app.api.create('/api/v1/issuers/filtered/disable');
    await app.api.post('/api/v1/issuers/filtered/disable');
    const [refused, disabled, created] = (await trail('?subject_id=filtered')).items;
    expect([refused, disabled, created].map((event) => [event?.action, event?.outcome])).toEqual([
      ['issuer.disable', 'refused'],
      ['issuer.disable', 'success'],
      ['issuer.create', 'success'],
    ]);
    const about = (query: string) => trail(`?subject_id=filtered&${query}`).then(({ items }) => items);
    expect(await about('outcome=refused')).toEqual([refused]);
    expect(await about('action=issuer.create')).toEqual([created]);
    expect(await about('actor=api-key:bootstrap-admin&outcome=success')).toEqual([disabled, created]);
    expect(await about('actor=api-key:nobody')).toEqual([]);
    expect(await about('subject_type=certificate')).toEqual([]);
    expect(await about(`from=${disabled!.occurred_at}&action=issuer.disable`)).toEqual([refused, disabled]);
    expect(await about(`to=${created!.occurred_at}`)).toEqual([]);
    expect(await about(`from=${created!.occurred_at}&to=${disabled!.occurred_at}`)).toEqual([created]);
    expect(await about('from=1960-01-01T00:00:00%2B01:00&to=9999-12-31T00:00:00Z')).toEqual([
      refused,
      disabled,
      created,
    ]);
  });

  it.each(['actor=%00', 'outcome=maybe', 'subject_type=person', 'from=yesterday', 'to=2026-01-01', 'position=1'])(
    'refuses %s',
    async (filter) => {
      expect(problemCode(await app.api.get(`${AUDIT}?${filter}`))).toEqual([400, 'invalid_request']);
    },
  );

  it('holds its pages while events are added, and no cursor fits another filter', async () => {
    await record(9);
    const path = '?actor=system:test&limit=4';
    const first = await trail(path);
    await record(3);
    const second = await trail(`${path}&cursor=${first.next_cursor}`);
    const third = await trail(`${path}&cursor=${second.next_cursor}`);
    const numbers = [first, second, third].flatMap(({ items }) => items.map(({ details }) => details['i']));
    expect(new Set(numbers)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
    expect(numbers).toHaveLength(9);
    expect(third.next_cursor).toBeNull();
    const elsewhere = await app.api.get(`${AUDIT}?outcome=success&cursor=${first.next_cursor}`);
    expect(problemCode(elsewhere)).toEqual([400, 'invalid_cursor']);
  });

  it('says of a change what was before and what is after', async () => {
    await desk.root('changing');
    await app.api.create('/api/v1/issuers/changing/disable');
    await app.api.create('/api/v1/issuers/changing/retire');
    const certificate = await desk.issue();
    const { revoked_at } = await desk.revoke(certificate, { reason: 'superseded' });
    await app.api.create('/api/v1/admin/ocsp/responders/changing/rotate');
    const { id: responder } = await app.api.create('/api/v1/admin/ocsp/responders/changing/rotate');
    const newest = async (query: string) => (await trail(`?limit=1&${query}`)).items[0]!.details;
    expect(await newest('action=issuer.disable')).toEqual({
      before: { status: 'active' },
      after: { status: 'disabled' },
    });
    expect(await newest('action=issuer.retire')).toEqual({
      before: { status: 'disabled' },
      after: { status: 'retired' },
    });
    expect(await newest('action=certificate.revoke')).toMatchObject({
      before: { revoked_at: null, revocation_reason: null },
      after: { revoked_at, revocation_reason: 'superseded' },
    });
    expect(await newest('action=ocsp_responder.rotate')).toMatchObject({
      before: { responder_id: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      after: { responder_id: responder },
    });
  });
});

describe('the counters', () => {
  const events = async () => {
    const metric = app.app.nest.get(Registry).getSingleMetric('certplane_events_total');
    const { values } = await metric!.get();
    return values.find(({ labels }) => labels['action'] === 'issuer.retire')?.value ?? 0;
  };

  it('count what was committed, and nothing else', async () => {
    const [transactions, audit] = [app.app.nest.get(Transactions), app.app.nest.get(AuditService)];
    const retire = { action: 'issuer.retire', subjectType: 'issuer', subjectId: 'x' } as const;
    const before = await events();
    const undone = transactions.run(async (tx) => {
      await audit.record(tx, systemCaller('test'), retire);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await events()).toBe(before);
    await transactions.run(async (tx) => {
      await audit.record(tx, systemCaller('test'), retire);
      expect(await events()).toBe(before);
    });
    expect(await events()).toBe(before + 1);
  });
});

describe('the database', () => {
  const TABLES = ['audit_events', 'audit_leaves', 'audit_checkpoints'];
  const COLUMNS = ['actor', 'leaf_hash', 'note'];
  beforeAll(() => sealerOf(app).run());

  it.each(TABLES.map((table, i) => [table, COLUMNS[i]!] as const))('refuses to change %s', async (table, column) => {
    const before = await countOf(table);
    expect(before).toBeGreaterThan(0);
    for (const statement of [
      `UPDATE ${table} SET ${column} = ${column}`,
      `UPDATE ${table} SET ${column} = ${column} WHERE false`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table} CASCADE`,
    ]) {
      await expect(sql(statement)).rejects.toThrow('the audit trail is only ever added to');
    }
    expect(await countOf(table)).toBe(before);
  });
});

describe('sealing', () => {
  it('covers every event once, in batches, each under a checkpoint', async () => {
    await record(3);
    await sealerOf(app).run();
    const sizes = (await checkpoints()).items.map(({ tree_size }) => tree_size);
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => b - a));
    expect(sizes[0]).toBe(await countOf('audit_events'));
    expect(await countOf('audit_leaves')).toBe(sizes[0]);
    expect(await countOf('audit_pending')).toBe(0);
    expect(await verify()).toEqual(INTACT);
  });

  it('writes nothing when there is nothing', async () => {
    const before = await countOf('audit_checkpoints');
    await sealerOf(app).run();
    expect(await countOf('audit_checkpoints')).toBe(before);
  });

  it('takes in what commits late, although its id is older than what was sealed', async () => {
    const [transactions, audit] = [app.app.nest.get(Transactions), app.app.nest.get(AuditService)];
    await transactions.run(async (tx) => {
      await audit.record(tx, systemCaller('slow'), {
        action: 'issuer.enable',
        subjectType: 'issuer',
        subjectId: 'slow',
      });
      await record(2);
      await sealerOf(app).run();
      expect(await countOf('audit_pending')).toBe(0);
    });
    await sealerOf(app).run();
    const [slow] = await sql<{ last: boolean }>(
      `SELECT position = (SELECT max(position) FROM audit_leaves) AS last
         FROM audit_leaves l JOIN audit_events e ON e.id = l.event_id WHERE e.actor = 'system:slow'`,
    );
    expect(slow).toEqual({ last: true });
    expect(await verify()).toEqual(INTACT);
  });

  it('shows its checkpoints page by page, with the keys that verify them', async () => {
    const all = await checkpoints();
    const paged: CheckpointJson[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: CheckpointsJson = await app.api.fetch(
        `${AUDIT}/checkpoints?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      paged.push(...page.items);
      cursor = page.next_cursor;
    }
    expect(paged).toEqual(all.items);
    expect(all.public_keys).toEqual([
      {
        id: all.items[0]!.key_id,
        public_key_pem: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/),
        created_at: expect.any(String),
        retired_at: null,
      },
    ]);
    const [, size, root] = all.items[0]!.note.split('\n');
    expect([Number(size), Buffer.from(root!, 'base64').toString('hex')]).toEqual([
      all.items[0]!.tree_size,
      all.items[0]!.root_hash,
    ]);
    expect(problemCode(await app.api.get(`${AUDIT}/checkpoints?cursor=AAAA`))).toEqual([400, 'invalid_cursor']);
  });

  it('is verified by openssl with the published key', async () => {
    const { items, public_keys } = await checkpoints();
    const [body, signatures] = items[0]!.note.split(/(?<=\n)\n/) as [string, string];
    const signature = Buffer.from(signatures.trim().split(' ').at(-1)!, 'base64').subarray(4);
    const files = [
      ['-inkey', openssl.file('audit.pem', public_keys[0]!.public_key_pem)],
      ['-sigfile', openssl.file('note.sig', signature)],
      ['-in', openssl.file('note.body', body)],
    ].flat();
    expect(await openssl.ok('pkeyutl', '-verify', '-pubin', '-rawin', ...files)).toContain('Verified Successfully');
  });
});

describe('a trail that was tampered with', () => {
  const TABLES = [
    'audit_events',
    'audit_leaves',
    'audit_checkpoints',
    'audit_pending',
    'audit_keys',
    'keys',
    'audit_forwarders',
  ];
  /** What the tests seal; before them stand what the first start did. */
  const BATCHES = [5, 1, 8, 6];
  let world: TestApp;
  /** The first position of each batch, and the end. */
  let starts: number[];
  let ids: string[];
  let kept: { keys: string; note: string; size: number };

  beforeAll(async () => {
    world = await startTestApp({ schedules: false });
    await sealerOf(world).run();
    starts = [await countOf('audit_leaves', world)];
    for (const count of BATCHES) {
      await record(count, world);
      await sealerOf(world).run();
      starts.push(await countOf('audit_leaves', world));
    }
    const leaves = await sql<{ event_id: string }>('SELECT event_id FROM audit_leaves ORDER BY position', [], world);
    ids = leaves.map(({ event_id }) => event_id);
    kept = await keep('world', world);
    for (const table of TABLES) await sql(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`, [], world);
    await requireIntact(world);
  });
  afterAll(() => world.stop());

  /** Works as somebody does who may do everything in the database. */
  async function tamper(act: (client: PoolClient) => Promise<unknown>): Promise<void> {
    const client = await poolOf(world).connect();
    try {
      await client.query('SET session_replication_role = replica');
      await act(client);
    } finally {
      client.release(true);
    }
  }

  afterEach(async () => {
    await tamper(async (client) => {
      for (const table of TABLES)
        await client.query(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}`);
    });
    await requireIntact(world);
  });

  const at = (batch: number, offset: number): number => starts[batch]! + offset;
  const idAt = (batch: number, offset: number): string => ids[at(batch, offset)]!;

  async function change(client: PoolClient, id: string, assignment: string): Promise<void> {
    const { rowCount } = await client.query(`UPDATE audit_events SET ${assignment} WHERE id = $1`, [id]);
    expect(rowCount).toBe(1);
  }

  const removeEvent = (client: PoolClient, id: string) => client.query('DELETE FROM audit_events WHERE id = $1', [id]);
  const removeLeaf = (client: PoolClient, id: string) =>
    client.query('DELETE FROM audit_leaves WHERE event_id = $1', [id]);

  async function readEvent(client: PoolClient, id: string) {
    const { rows } = await client.query<EventRow>(`SELECT ${EVENT_COLUMNS} FROM audit_events e WHERE id = $1`, [id]);
    return eventOf(rows[0]!);
  }

  /** Moves all behind a position, and with it the rest of the trail, by as much. */
  const shift = (client: PoolClient, from: number, by: number) =>
    client
      .query('UPDATE audit_leaves SET position = position + $2 + 1000000 WHERE position >= $1', [from, by])
      .then(() => client.query('UPDATE audit_leaves SET position = position - 1000000 WHERE position >= 1000000'));

  /** An event that looks as if it had happened just behind another. */
  async function forge(client: PoolClient, behind: string): Promise<string> {
    const id = behind.slice(0, 24) + (BigInt(`0x${behind.slice(24)}`) + 1n).toString(16).padStart(12, '0');
    await client.query(
      `INSERT INTO audit_events SELECT $1, occurred_at, 'api-key:forged', action, outcome, subject_type, subject_id,
              source_address, request_id, details FROM audit_events WHERE id = $2`,
      [id, behind],
    );
    return id;
  }

  async function addLeaf(client: PoolClient, position: number, id: string): Promise<void> {
    const leaf = leafHashOf(await readEvent(client, id));
    await client.query('INSERT INTO audit_leaves VALUES ($1, $2, $3)', [position, id, leaf]);
  }

  async function swapLeaves(client: PoolClient, first: number, second: number, columns: string): Promise<void> {
    const { rows } = await client.query<{ position: string; event_id: string; leaf_hash: Buffer }>(
      'SELECT * FROM audit_leaves WHERE position = ANY($1) ORDER BY position',
      [[first, second]],
    );
    const [one, other] = [rows[0]!, rows[1]!];
    await client.query('UPDATE audit_leaves SET event_id = gen_random_uuid() WHERE position = ANY($1)', [
      [first, second],
    ]);
    for (const [position, from, own] of [[first, other, one] as const, [second, one, other] as const]) {
      const leaf = columns === 'all' ? from.leaf_hash : own.leaf_hash;
      await client.query('UPDATE audit_leaves SET event_id = $2, leaf_hash = $3 WHERE position = $1', [
        position,
        from.event_id,
        leaf,
      ]);
    }
  }

  const expectFault = async (said: Promise<Said>, kind: string, ...words: (string | number)[]): Promise<void> => {
    const { code, text } = await said;
    expect([code, text]).toEqual([1, expect.stringMatching(new RegExp(`^${kind}: `))]);
    for (const word of words) expect(text).toContain(String(word));
  };

  it.each([
    ['its details', `details = details || '{"i": 77}'`],
    ['its actor', `actor = 'api-key:somebody-else'`],
    ['its time, by a microsecond', `occurred_at = occurred_at + interval '1 microsecond'`],
    ['its time, to none that there is', `occurred_at = 'infinity'`],
    ['its outcome', `outcome = 'refused'`],
    ['its source address', `source_address = '203.0.113.1'`],
    ['a number in it, to what JSON does not hold', `details = '{"i": 1e400}'`],
  ])('is betrayed by %s: the event is named', async (_, to) => {
    await tamper((client) => change(client, idAt(2, 3), to));
    await tamper((client) => change(client, idAt(3, 1), to));
    await expectFault(verify({}, world), 'changed', `The event ${idAt(2, 3)} at position ${at(2, 3)} was changed`);
  });

  it('is betrayed by an event that was changed with its leaf: its batch is named, and the event where it is alone', async () => {
    const forgeBoth = async (client: PoolClient, id: string) => {
      await change(client, id, `actor = 'api-key:somebody-else'`);
      const leaf = leafHashOf(await readEvent(client, id));
      await client.query('UPDATE audit_leaves SET leaf_hash = $2 WHERE event_id = $1', [id, leaf]);
    };
    await tamper((client) => forgeBoth(client, idAt(3, 5)));
    const { text } = await verify({}, world);
    const [, from, to] = /^changed: One of the events at positions (\d+) to (\d+) /.exec(text) ?? [
      text,
      at(3, 5),
      at(3, 5),
    ];
    expect(Number(from)).toBeGreaterThanOrEqual(at(3, 0));
    expect([Number(from) <= at(3, 5), Number(to) >= at(3, 5), Number(to) < starts[4]!]).toEqual([true, true, true]);
    await tamper((client) => forgeBoth(client, idAt(1, 0)));
    await expectFault(verify({}, world), 'changed', `The event ${idAt(1, 0)} at position ${at(1, 0)} was changed`);
  });

  it('is betrayed by an event that was removed', async () => {
    await tamper((client) => removeEvent(client, idAt(2, 0)));
    await expectFault(verify({}, world), 'removed', `The event ${idAt(2, 0)} at position ${at(2, 0)} was removed.`);
  });

  it('is betrayed by an event that was removed with its leaf', async () => {
    await tamper(async (client) => {
      await removeEvent(client, idAt(2, 2));
      await removeLeaf(client, idAt(2, 2));
    });
    await expectFault(verify({}, world), 'removed', `The event at position ${at(2, 2)} was removed.`);
  });

  it('is betrayed by an event that was removed without a gap', async () => {
    await tamper(async (client) => {
      await removeEvent(client, idAt(2, 2));
      await removeLeaf(client, idAt(2, 2));
      await shift(client, at(2, 3), -1);
    });
    const { code, text } = await verify({}, world);
    expect([code, text]).toEqual([1, expect.stringMatching(/^changed: .*removed/)]);
    const [from, to] = text.match(/\d+/g)!.map(Number);
    expect([from! >= at(2, 0), from! <= at(2, 2), to! >= at(2, 2), to! < at(3, 0)]).toEqual([true, true, true, true]);
  });

  it('is betrayed by an event that was inserted', async () => {
    let id = '';
    await tamper(async (client) => {
      id = await forge(client, idAt(2, 4));
    });
    await expectFault(verify({}, world), 'inserted', `The event ${id} was inserted`);
  });

  it('is betrayed by an event that was inserted with a leaf, all behind it moved on', async () => {
    let id = '';
    await tamper(async (client) => {
      id = await forge(client, idAt(2, 4));
      await shift(client, at(2, 5), 1);
      await addLeaf(client, at(2, 5), id);
    });
    await expectFault(verify({}, world), 'inserted', `The event ${id} at position ${at(2, 5)} was inserted.`);
  });

  it('is betrayed by an event that was added at its end', async () => {
    let id = '';
    await tamper(async (client) => {
      id = await forge(client, idAt(3, 5));
      await addLeaf(client, starts[4]!, id);
    });
    await expectFault(verify({}, world), 'inserted', `The event ${id} at position ${starts[4]!} `);
  });

  it.each(['all', 'event_id'])('is betrayed by two events that were swapped (%s of their leaves)', async (columns) => {
    await tamper((client) => swapLeaves(client, at(2, 1), at(2, 6), columns));
    await expectFault(verify({}, world), 'moved', `The event ${idAt(2, 6)} at position ${at(2, 1)} `);
  });

  it('is betrayed by two events of different batches that were swapped', async () => {
    await tamper((client) => swapLeaves(client, at(0, 1), at(3, 2), 'all'));
    await expectFault(verify({}, world), 'moved', `The event ${idAt(3, 2)} at position ${at(0, 1)} `);
  });

  it('is betrayed by the checkpoints where its tail was cut off', async () => {
    await tamper(async (client) => {
      for (const id of ids.slice(at(2, 6))) {
        await removeEvent(client, id);
        await removeLeaf(client, id);
      }
    });
    await expectFault(verify({}, world), 'truncated', `The trail ends before position ${at(2, 6)}`);
  });

  it('is betrayed by a checkpoint that was kept elsewhere where its tail was cut off with its checkpoints', async () => {
    await tamper(async (client) => {
      for (const id of ids.slice(starts[3])) {
        await removeEvent(client, id);
        await removeLeaf(client, id);
      }
      await client.query('DELETE FROM audit_checkpoints WHERE tree_size > $1', [starts[3]!]);
    });
    expect(await verify({ 'public-key': [kept.keys] }, world)).toEqual(INTACT);
    const withNote = verify({ 'public-key': [kept.keys], checkpoint: kept.note }, world);
    await expectFault(
      withNote,
      'truncated',
      `position ${starts[3]!}: the checkpoint that was kept is over ${kept.size} events`,
    );
    // What was forwarded is remembered too, by those who cut and forget it.
    await tamper((client) => client.query(`INSERT INTO audit_forwarders VALUES ('syslog', $1)`, [kept.size]));
    await expectFault(verify({}, world), 'truncated', 'more events than that were forwarded');
  });

  it('is betrayed by an event that was removed before it was sealed', async () => {
    await record(1, world);
    const [waiting] = await sql<{ event_id: string }>('SELECT event_id FROM audit_pending', [], world);
    await tamper((client) => removeEvent(client, waiting!.event_id));
    await expectFault(verify({}, world), 'removed', `The event ${waiting!.event_id} was removed before it was sealed.`);
  });

  it('is betrayed by a checkpoint that was changed', async () => {
    await tamper((client) =>
      client.query(`UPDATE audit_checkpoints SET note = replace(note, '— ', '— x') WHERE tree_size = $1`, [starts[3]!]),
    );
    await expectFault(verify({}, world), 'checkpoint', `behind position ${starts[3]!}`);
  });

  it('is betrayed by the public key that was kept where all was written and signed anew', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const signer = {
      algorithm: signatureAlgorithmOf('ed25519'),
      publicKey,
      sign: (tbs: Uint8Array) => Promise.resolve(sign(null, tbs, privateKey)),
    };
    await tamper(async (client) => {
      const id = idAt(0, 2);
      await change(client, id, `actor = 'api-key:somebody-else'`);
      const leaf = leafHashOf(await readEvent(client, id));
      await client.query('UPDATE audit_leaves SET leaf_hash = $2 WHERE event_id = $1', [id, leaf]);
      await client.query('DELETE FROM audit_checkpoints');
      await client.query('UPDATE keys SET spki_der = $1 WHERE id IN (SELECT key_id FROM audit_keys)', [
        publicKey.export({ type: 'spki', format: 'der' }),
      ]);
      const tree = new MerkleTree();
      const { rows } = await client.query<{ leaf_hash: Buffer }>(
        'SELECT leaf_hash FROM audit_leaves ORDER BY position',
      );
      for (const { leaf_hash: hash } of rows) tree.append(hash);
      const [key] = (await client.query<{ key_id: string }>('SELECT key_id FROM audit_keys')).rows;
      const origin = `certplane/${key!.key_id}`;
      const note = await signCheckpoint({ origin, treeSize: tree.size, rootHash: tree.root() }, signer);
      await client.query('INSERT INTO audit_checkpoints VALUES ($1, $2, $3, now(), $4, $5)', [
        tree.size,
        tree.root(),
        tree.frontier,
        key!.key_id,
        note,
      ]);
    });
    expect(await verify({}, world)).toEqual(INTACT);
    await expectFault(verify({ 'public-key': [kept.keys] }, world), 'checkpoint', 'not by the key of this log');
  });

  it('is not gone on from: nothing is signed over a tree that is not the one that was signed', async () => {
    await record(1, world);
    const heads = await countOf('audit_checkpoints', world);
    await tamper((client) =>
      client.query(`UPDATE audit_checkpoints SET frontier = ARRAY[frontier[2], frontier[1]] || frontier[3:]`),
    );
    await expect(sealerOf(world).run()).rejects.toThrow();
    await tamper((client) => client.query('DELETE FROM audit_checkpoints WHERE tree_size > $1', [starts[3]!]));
    await expect(sealerOf(world).run()).rejects.toThrow('its end is gone');
    expect(await countOf('audit_pending', world)).toBe(1);
    expect(await countOf('audit_checkpoints', world)).toBe(heads - 1);
  });

  it('does not stop the sealing of what is left by an event that is gone, or can not be sealed', async () => {
    await record(3, world);
    const waiting = await sql<{ event_id: string }>('SELECT event_id FROM audit_pending ORDER BY event_id', [], world);
    await tamper(async (client) => {
      await removeEvent(client, waiting[0]!.event_id);
      await change(client, waiting[1]!.event_id, `details = '{"i": 1e400}'`);
      await client.query('INSERT INTO audit_pending VALUES ($1)', [idAt(0, 0)]);
    });
    await sealerOf(world).run();
    expect(await countOf('audit_leaves', world)).toBe(starts[4]! + 1);
    await expectFault(verify({}, world), 'removed', waiting[0]!.event_id);
  });
});

describe('an export', () => {
  let lines: Line[];
  let kept: { keys: string; note: string; size: number };
  /** The lines of events that lie in one batch of 6, in order. */
  let batch: number[];

  beforeAll(async () => {
    await desk.root('exported');
    await sealerOf(app).run();
    const from = await countOf('audit_leaves');
    await record(6);
    await sealerOf(app).run();
    lines = await exportLines();
    kept = await keep('export');
    batch = [0, 1, 2, 3, 4, 5].map((offset) =>
      lines.findIndex(({ type, position }) => type === 'event' && position === from + offset),
    );
  });

  const offline = (name: string, changed: readonly unknown[], more: AdminOptions = {}) =>
    verify({ file: fileOf(name, changed), 'public-key': [kept.keys], ...more });

  it('holds the whole trail, its own event with it, and is verified without the database', async () => {
    const events = lines.filter(({ type }) => type === 'event');
    expect(events.map(({ position }) => position)).toEqual(events.map((_, i) => i));
    expect(lines[0]).toEqual({ type: 'export', version: 1, first_position: 0, after: null });
    expect(lines.at(-1)).toEqual({ type: 'end', tree_size: events.length });
    expect(events.at(-1)!.event).toMatchObject({
      action: 'audit.export',
      actor: 'api-key:bootstrap-admin',
      outcome: 'success',
      details: { from: null, to: null },
    });
    expect(await offline('whole.ndjson', lines, { checkpoint: kept.note })).toEqual(INTACT);
    const shown = await trail(`?subject_id=exported`);
    expect(events.map(({ event }) => event)).toContainEqual(shown.items[0]);
  });

  it('is verified by the command itself, with no database to be had', async () => {
    const file = fileOf('command.ndjson', lines);
    const nowhere = { CERTPLANE_DATABASE_URL: 'postgres://127.0.0.1:1/nothing' };
    const verified = await runAdmin(
      nowhere,
      'audit',
      'verify',
      '--file',
      file,
      '--public-key',
      kept.keys,
      '--checkpoint',
      kept.note,
    );
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining(`${kept.size} events, positions 0 to`) });
    const changed = fileOf(
      'command-changed.ndjson',
      lines.with(1, { ...lines[1]!, event: { ...lines[1]!.event!, actor: 'x' } }),
    );
    const betrayed = await runAdmin(nowhere, 'audit', 'verify', '--file', changed, '--public-key', kept.keys);
    expect(betrayed).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^changed: The event \S+ at position 0 was changed/),
    });
    const missing = await runAdmin(nowhere, 'audit', 'verify', '--file', '/nowhere/x', '--public-key', kept.keys);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
  });

  it.each<[words: string, options: () => AdminOptions]>([
    ['needs --public-key', () => ({ file: fileOf('plain.ndjson', lines) })],
    ['no Ed25519 public keys', () => ({ 'public-key': [kept.note] })],
    ['no Ed25519 public keys', () => ({ 'public-key': [openssl.file('ca.pem', app.ca)] })],
    ['ENOENT', () => ({ 'public-key': ['/nowhere/audit.pem'] })],
    ['no checkpoint', () => ({ 'public-key': [kept.keys], checkpoint: kept.keys })],
    ['ENOENT', () => ({ checkpoint: '/nowhere/note' })],
  ])('is not verified by a command that is called wrongly: %s', async (words, options) => {
    await expect(verify(options())).rejects.toThrow(words);
    await expect(verify(options())).rejects.toThrow(AdminUsageError);
  });

  it('can be verified in the database by the command too', async () => {
    const env = { CERTPLANE_DATABASE_URL: app.database.url, CERTPLANE_DATA_DIR: app.dataDir };
    expect(await runAdmin(env, 'audit', 'verify', '--public-key', kept.keys, '--checkpoint', kept.note)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('is as it was sealed'),
    });
  });

  it.each<[what: string, kind: string, change: () => readonly unknown[], position: () => number]>([
    [
      'an event was changed',
      'changed',
      () => lines.with(batch[2]!, { ...lines[batch[2]!]!, event: { ...lines[batch[2]!]!.event!, outcome: 'refused' } }),
      () => lines[batch[2]!]!.position!,
    ],
    [
      'a member was added to an event',
      'changed',
      () => lines.with(batch[2]!, { ...lines[batch[2]!]!, event: Object.assign({ more: 1 }, lines[batch[2]!]!.event) }),
      () => lines[batch[2]!]!.position!,
    ],
    ['an event was removed', 'removed', () => lines.toSpliced(batch[3]!, 1), () => lines[batch[3]!]!.position!],
    [
      'an event was inserted',
      'inserted',
      () => {
        const event = { ...lines[batch[3]!]!.event!, actor: 'api-key:forged' };
        const leaf_hash = leafHashOf(event).toString('hex');
        return lines.toSpliced(batch[4]!, 0, { ...lines[batch[4]!]!, event, leaf_hash });
      },
      () => lines[batch[4]!]!.position!,
    ],
    [
      'two events were swapped',
      'moved',
      () => {
        const [one, other] = [lines[batch[1]!]!, lines[batch[4]!]!];
        return lines
          .with(batch[1]!, { ...other, position: one.position })
          .with(batch[4]!, { ...one, position: other.position });
      },
      () => lines[batch[1]!]!.position!,
    ],
    [
      'it was cut off in the middle of a batch',
      'truncated',
      () => lines.slice(0, batch[3]),
      () => lines[batch[3]!]!.position!,
    ],
    [
      'it was cut off behind a checkpoint',
      'truncated',
      () => lines.slice(0, batch[0]),
      () => lines[batch[0]!]!.position!,
    ],
    [
      'a line in it is no JSON',
      'changed',
      () => lines.with(batch[0]!, 'x' as never),
      () => lines[batch[0]!]!.position!,
    ],
    ['it has no first line', 'changed', () => lines.slice(1), () => 0],
    ['something follows its end', 'changed', () => [...lines, lines.at(-1)], () => kept.size],
  ])('is betrayed when %s', async (what, kind, change, position) => {
    const { code, text } = await offline(`${what.replaceAll(' ', '-')}.ndjson`, change());
    expect([code, text]).toEqual([1, expect.stringMatching(new RegExp(`^${kind}: `))]);
    if (!text.includes('Line ')) expect(text).toMatch(new RegExp(`position ${position()}\\b`));
  });

  it('is betrayed by a checkpoint that was kept when it was cut off and closed again', async () => {
    const size = lines[batch[0]!]!.position!;
    const cut = [...lines.slice(0, batch[0]), { type: 'end', tree_size: size }];
    expect(await offline('closed.ndjson', cut)).toEqual(INTACT);
    const { code, text } = await offline('closed.ndjson', cut, { checkpoint: kept.note });
    expect([code, text]).toEqual([1, expect.stringMatching(`^truncated: The trail ends before position ${size}:`)]);
  });

  it('may be of a part of the time, and is verified from there on', async () => {
    app.clock.advance(3600);
    const from = app.clock.now().toISOString();
    await record(4);
    await sealerOf(app).run();
    app.clock.advance(3600);
    const to = app.clock.now().toISOString();
    await record(3);
    const part = await exportLines(`?from=${from}&to=${to}`);
    const events = part.filter(({ type }) => type === 'event');
    expect(new Set(events.map(({ event }) => event!.details['i']))).toEqual(new Set([0, 1, 2, 3]));
    expect(part[0]).toMatchObject({
      first_position: events[0]!.position,
      after: { note: expect.stringContaining('certplane/') },
    });
    expect(await offline('part.ndjson', part)).toMatchObject({ code: 0, text: expect.stringContaining('4 events') });
    const forged = part.with(0, { ...part[0]!, after: null, first_position: 0 });
    expect((await offline('part-forged.ndjson', forged)).code).toBe(1);
    const older = openssl.file('older.note', (await checkpoints()).items.at(-1)!.note);
    expect(await offline('part-kept.ndjson', part, { checkpoint: older })).toMatchObject({
      code: 1,
      text: expect.stringMatching(/^checkpoint: The trail begins behind/),
    });
    const tail = await exportLines(`?from=${to}`);
    const actions = tail.flatMap(({ event }) => (event === undefined ? [] : [event.action]));
    expect(actions.filter((action) => action === 'issuer.enable')).toHaveLength(3);
    expect(actions).toContain('audit.export');
    expect(await exportLines('?to=2001-01-01T00:00:00Z')).toEqual([
      { type: 'export', version: 1, first_position: 0, after: null },
      { type: 'end', tree_size: 0 },
    ]);
    app.clock.advance(-7200);
  });

  it('does not happen without its event', async () => {
    await sql(
      `CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
    );
    await sql('CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_event()');
    try {
      const answer = await app.api.get(`${AUDIT}/export`);
      expect(problemCode(answer)).toEqual([500, 'internal_error']);
    } finally {
      await sql('DROP TRIGGER refuse ON audit_events; DROP FUNCTION refuse_event');
    }
  });

  it('that breaks off is seen to: it has no last line, and the connection ends with a fault', async () => {
    await sql('ALTER TABLE audit_leaves RENAME TO hidden_leaves');
    try {
      await expect(app.api.get(`${AUDIT}/export`)).rejects.toThrow();
    } finally {
      await sql('ALTER TABLE hidden_leaves RENAME TO audit_leaves');
    }
    await sealerOf(app).run();
    expect((await exportLines()).at(-1)).toMatchObject({ type: 'end' });
  });

  it('tells of those who were refused one', async () => {
    expect(problemCode(await app.api.get(`${AUDIT}/export?form=x`))).toEqual([400, 'invalid_request']);
    const [event] = (await trail('?outcome=refused&limit=1&action=audit.export')).items;
    expect(event).toMatchObject({ action: 'audit.export', outcome: 'refused', details: { code: 'invalid_request' } });
  });

  it('reads no more than is taken from it', async () => {
    const many = 6000;
    await sql(
      `INSERT INTO audit_events SELECT gen_random_uuid(), now(), 'system:test', 'issuer.enable', 'success', 'issuer', NULL, NULL, NULL,
              jsonb_build_object('text', repeat('x', 500)) FROM generate_series(1, $1)`,
      [many],
    );
    await sealerOf(app).run();
    const blocks = await app.app.nest.get(AuditExport).open({}, { ...systemCaller('test'), scope: EVERYTHING });
    const pages = countRows(poolOf(app));
    let bytes = 0;
    for await (const block of blocks) {
      bytes += block.length;
      // A page of events and one of checkpoints may have been read ahead; an event is longer than 500 bytes.
      expect(pages.rows).toBeLessThanOrEqual(bytes / 500 + 1100);
    }
    expect(bytes).toBeGreaterThan(many * 500);
    expect(pages.rows).toBeGreaterThan(many);
    pages.restore();
    const file = fileOf('many.ndjson', await exportLines());
    expect((await verify({ file, 'public-key': [kept.keys] })).code).toBe(0);
  });
});

/** Counts the rows that come out of a pool. */
function countRows(pool: Pool) {
  const original = pool.query.bind(pool) as (...args: unknown[]) => Promise<{ rows?: unknown[] }>;
  const seen = {
    rows: 0,
    restore: () => void (pool.query = original as Pool['query']),
  };
  pool.query = (async (...args: unknown[]) => {
    const result = await original(...args);
    seen.rows += result?.rows?.length ?? 0;
    return result;
  }) as Pool['query'];
  return seen;
}

describe('the key of the trail', () => {
  it('is replaced on demand; both are published, and the old one verifies what it signed', async () => {
    const before = await keep('old-key');
    const [retired] = (await checkpoints()).public_keys;
    expect((await admin(AUDIT_ROTATE_KEY)).code).toBe(0);
    await sealerOf(app).run();
    const { items, public_keys } = await checkpoints();
    expect(public_keys.map(({ id, retired_at }) => [id === retired!.id, retired_at === null])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(items[0]!.key_id).toBe(public_keys[1]!.id);
    expect(items[0]!.note.split('\n')[0]).toBe(items.at(-1)!.note.split('\n')[0]);
    const both = await keep('both-keys');
    expect(await verify({ 'public-key': [both.keys], checkpoint: before.note })).toEqual(INTACT);
    expect((await verify({ 'public-key': [before.keys] })).text).toMatch(/^checkpoint: .*not by the key/);
    await sealerOf(app).run();
    const [created, dropped] = (await trail('?subject_type=audit_key')).items;
    expect(created).toMatchObject({
      action: 'audit_key.create',
      subject_id: public_keys[1]!.id,
      actor: 'system:audit-sealer',
    });
    expect(created!.details['public_key_pem']).toBe(public_keys[1]!.public_key_pem);
    expect(dropped).toMatchObject({
      action: 'audit_key.retire',
      subject_id: retired!.id,
      actor: 'system:admin-command',
    });
  });
});

describe('two instances on one database', () => {
  let one: TestApp;
  let two: TestApp;
  beforeAll(async () => {
    one = await startTestApp();
    two = await startTestApp({ beside: one });
  });
  afterAll(async () => {
    await two.stop();
    await one.stop();
  });

  const sealedAll = () =>
    waitUntil(
      'all is sealed',
      async () => (await countOf('audit_leaves', one)) === (await countOf('audit_events', one)),
    );

  it('seal what both write, each event once, while both go on writing', async () => {
    const writers = [one, two, one, two].map(async (of, i) => {
      const issuer = `writer-${i}`;
      await new IssuingDesk(of, openssl).root(issuer);
      for (let round = 0; round < 15; round++) {
        await of.api.create(`/api/v1/issuers/${issuer}/disable`);
        await record(10, of);
        await of.api.create(`/api/v1/issuers/${issuer}/enable`);
        // Both seal as fast as they can, besides.
        await Promise.all([sealerOf(one).run(), sealerOf(two).run()]);
      }
    });
    await Promise.all(writers);
    await sealedAll();
    expect(await countOf('audit_leaves', one)).toBeGreaterThanOrEqual(4 * (1 + 15 * 12));
    for (const instance of [one, two]) expect(await verify({}, instance)).toEqual(INTACT);
    const lines = await exportLines('', two);
    const ids = lines.flatMap(({ event }) => (event === undefined ? [] : [event.id]));
    expect(new Set(ids).size).toBe(ids.length);
    const kept = await keep('two', one);
    const file = fileOf('two.ndjson', lines);
    expect(await verify({ file, 'public-key': [kept.keys] }, one)).toEqual(INTACT);
  });

  it('lose nothing of what was recorded when one is killed in the middle of a seal', async () => {
    const still = await startTestApp({ beside: one, schedules: false });
    await two.stop();
    await stopSealing(one);
    const doomed = await new AppProcess({
      CERTPLANE_DATA_DIR: one.dataDir,
      CERTPLANE_DATABASE_URL: one.database.url,
      CERTPLANE_HTTPS_PORT: String(await findFreePort()),
      CERTPLANE_PKI_HTTP_PORT: '0',
    }).ready();
    await sealedAll();
    const held = await poolOf(still).connect();
    try {
      await held.query('BEGIN; LOCK TABLE audit_checkpoints IN EXCLUSIVE MODE');
      const sealed = await countOf('audit_leaves', still);
      await record(25, still);
      await waitUntil('its transaction has added the leaves, and waits to add the checkpoint', async () => {
        const { rows } = await held.query(
          `SELECT FROM pg_locks WHERE relation = 'audit_checkpoints'::regclass AND NOT granted`,
        );
        return rows.length > 0;
      });
      await doomed.stop('SIGKILL');
      await held.query('ROLLBACK');
      expect([sealed, sealed + 25]).toContain(await countOf('audit_leaves', still));
      await waitUntil('another has sealed them', async () => {
        await sealerOf(still).run();
        return (await countOf('audit_pending', still)) === 0;
      });
      expect(await countOf('audit_leaves', still)).toBe(await countOf('audit_events', still));
      expect(await verify({}, still)).toEqual(INTACT);
    } finally {
      held.release(true);
      await doomed.stop('SIGKILL');
      await still.stop();
    }
  });

  /** Lets an instance run, but never seal again. */
  async function stopSealing(of: TestApp): Promise<void> {
    await sealerOf(of).onModuleDestroy();
  }
});

describe('a database account that may only add to the trail', () => {
  const role = `certplane_${randomBytes(6).toString('hex')}`;

  it('is all that an instance needs, and can not switch off what refuses changes', async () => {
    await sql(
      `CREATE ROLE ${role} LOGIN PASSWORD '${role}';
       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role};
       REVOKE UPDATE, DELETE ON audit_events, audit_leaves, audit_checkpoints FROM ${role}`,
    );
    const limited = await startTestApp({
      beside: app,
      schedules: false,
      databaseUrl: (url) => Object.assign(new URL(url), { username: role, password: role }).toString(),
    });
    try {
      await new IssuingDesk(limited, openssl).root('by-limited');
      await sealerOf(limited).run();
      expect(await countOf('audit_pending', limited)).toBe(0);
      expect(await verify({}, limited)).toEqual(INTACT);
      for (const statement of [
        'ALTER TABLE audit_events DISABLE TRIGGER ALL',
        'SET session_replication_role = replica',
        'UPDATE audit_events SET actor = actor',
        'DELETE FROM audit_leaves',
        'TRUNCATE audit_checkpoints',
      ]) {
        await expect(sql(statement, [], limited)).rejects.toThrow(/permission denied|must be owner/);
      }
    } finally {
      await limited.stop();
      await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

describe('an API key of an auditor', () => {
  it('sees and exports the trail, and nothing else does', async () => {
    const { key } = await app.api.create<{ key: string }>('/api/v1/api-keys', { name: 'auditor', role: 'auditor' });
    const { key: viewer } = await app.api.create<{ key: string }>('/api/v1/api-keys', {
      name: 'viewer',
      role: 'viewer',
    });
    for (const path of [AUDIT, `${AUDIT}/checkpoints`, `${AUDIT}/export?to=2001-01-01T00:00:00Z`]) {
      expect((await new ApiClient(app.httpsUrl, app.ca, key).get(path)).status).toBe(200);
      expect(problemCode(await new ApiClient(app.httpsUrl, app.ca, viewer).get(path))).toEqual([403, 'forbidden']);
    }
  });
});
