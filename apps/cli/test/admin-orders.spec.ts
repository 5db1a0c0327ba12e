import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { begin, commit, migrateDatabase, openDatabase, type Database } from '@dta/node';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { dta } from './run-dta.js';

let fresh: FreshDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 1 });
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

const anyCid = () => cidOf(randomBytes(16));
const run = (...args: string[]) => dta(['admin', 'orders', ...args], { environment: { DATABASE_URL: fresh.url } });

/** An order that owes `verb` to `party`, asked for an hour ago. */
async function owe(state: string, verb: string, party: Cid): Promise<Cid> {
  const ref = anyCid();
  const envelope = randomBytes(50);
  await commit(database, {
    order: {
      ref,
      version: null,
      state,
      beneficiary: null,
      createdAt: 1,
      dueAt: null,
      record: randomBytes(8),
      mac: randomBytes(32),
    },
    ...{ statements: [], secrets: [], erase: [], close: [], reply: null, settled: null, events: [state], answers: [] },
    envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }],
    deliveries: [{ envelope: cidOf(envelope), verb, party, role: 'fiduciary', attachments: [] }],
    ...{
      lease: null,
      notify: false,
      idempotency: null,
      begun: begin(Date.now() - 3_600_000),
      now: Date.now() - 3_600_000,
    },
  });
  await database.query("UPDATE deliveries SET created_at = now() - interval '1 hour' WHERE order_ref = $1", [ref]);
  return ref;
}

test('--stuck says which orders wait, for whom, and how trying went; nothing else, and writes nothing', async () => {
  const party = anyCid();
  const tried = await owe('enrolled', 'accept', party);
  await database.query(
    `UPDATE deliveries SET attempts = 7, last_error = 'service_unavailable', next_attempt_at = now() + interval '90 minutes'
     WHERE order_ref = $1`,
    [tried],
  );
  const answered = await owe('committed', 'commit', party);
  await database.query("UPDATE deliveries SET state = 'answered' WHERE order_ref = $1", [answered]);
  const fresh = await owe('dealing', 'confirm', party);
  await database.query("UPDATE deliveries SET created_at = now() + interval '1 hour' WHERE order_ref = $1", [fresh]); // not stuck yet

  const { status, output, errors } = await run('--stuck');
  expect([status, errors]).toEqual([0, '']);
  const [head, row, ...more] = output.trimEnd().split('\n');
  expect(head).toMatch(/^order +state +since +waits for +to +attempts +last error +next attempt$/);
  expect(row).toMatch(
    new RegExp(`^${tried}  enrolled  1 h +fiduciary ${party}  accept  7 +service_unavailable  in 1 h$`),
  );
  expect(more).toEqual([]);

  const [only, ...others] = JSON.parse((await run('--stuck', '--json')).output) as Record<string, unknown>[]; // checked below
  expect(only).toMatchObject({
    ...{ orderReference: tried, state: 'enrolled', attempts: 7, lastError: 'service_unavailable' },
    waitingFor: { party, role: 'fiduciary', verb: 'accept' },
  });
  expect(Date.parse(String(only?.['since']))).toBeLessThan(Date.now() - 3_599_000);
  expect(Date.parse(String(only?.['nextAttempt']))).toBeGreaterThan(Date.now());
  expect(others).toEqual([]);
});

test('--stuck names an order whose next step is this role’s own and that nobody takes', async () => {
  const ref = await owe('dealing', 'deal', anyCid());
  await database.query("UPDATE deliveries SET state = 'answered' WHERE order_ref = $1", [ref]);
  const { output } = await run('--stuck');
  expect(output.split('\n')[1]).toMatch(new RegExp(`^${ref}  dealing  1 h +a process of this role +- +- +- +-$`));
});

test('--stuck names an order whose Request was altered in the database, and all others', async () => {
  const altered = await owe('accepted', 'deal', anyCid());
  const other = await owe('dealing', 'confirm', anyCid());
  await database.query('DELETE FROM deliveries WHERE order_ref = $1', [altered]);
  await database.query("INSERT INTO statements (order_ref, cid, bytes) VALUES ($1, $1, 'garbage')", [altered]);
  const { status, output } = await run('--stuck', '--json');
  expect(status).toBe(0);
  const named = (JSON.parse(output) as Record<string, unknown>[]).map(({ orderReference }) => orderReference); // checked here
  expect(named.sort()).toEqual([altered, other].sort());
});

test('counts orders by state', async () => {
  expect((await run()).output).toBe('there are no orders\n');
  expect((await run('--stuck')).output).toBe('no order waits\n');
  for (const state of ['committed', 'failed', 'committed']) await owe(state, 'commit', anyCid());
  expect((await run()).output).toBe('state      orders\ncommitted  2\nfailed     1\n');
  expect(JSON.parse((await run('--json')).output)).toEqual([
    { state: 'committed', orders: 2 },
    { state: 'failed', orders: 1 },
  ]);
});

test('looks by a connection that can not write', async () => {
  const reader = await openDatabase({ url: fresh.url, poolSize: 1, readOnly: true });
  await expect(reader.query('DELETE FROM orders')).rejects.toMatchObject({
    cause: { message: 'cannot execute DELETE in a read-only transaction' },
  });
  await reader.close();
});

test.each([
  ['without an address', {}, /^dta: .*DATABASE_URL: is missing/],
  ['at an address where nobody answers', { DATABASE_URL: 'postgres://a:secret@127.0.0.1:1/c' }, /127\.0\.0\.1:1\/c/],
])('says in one sentence why it can not: %s', async (_, environment: Record<string, string>, sentence) => {
  const { status, output, errors } = await dta(['admin', 'orders', '--stuck'], { environment });
  expect([status, output, errors.trim().split('\n').length]).toEqual([1, '', 1]);
  expect(errors).toMatch(sentence);
  expect(errors).not.toContain('secret');
});

test('says where the schema is older than its own', async () => {
  const empty = await freshDatabase();
  const { status, errors } = await dta(['admin', 'orders', '--stuck'], { environment: { DATABASE_URL: empty.url } });
  expect(status).toBe(1);
  expect(errors).toMatch(/run dta migrate/);
  await empty.drop();
});
