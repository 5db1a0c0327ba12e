import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { decodeBundle } from '@dta/envelope';
import type { Database, NodeOptions } from '@dta/node';
import { cast, codeOf, RoleRig, rowsOf, WiredParties, type Cast } from '@dta/node/testing';
import { redemptionStatement, type PrincipalVerb } from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import { signStatement } from '@dta/identity';
import { startFiduciary } from '../src/index.js';

const verbs = ['accept', 'deal', 'confirm', 'commit', 'release', 'receipt'] as const satisfies PrincipalVerb[];

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  await rig.start(startFiduciary, options);
  await rig.start(startFiduciary, options); // a second replica: each message goes to one of the two
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

/** An order whose F1 is real, each of whose messages to F1 `meet` may send as often as it likes before it counts. */
class Met extends WiredParties {
  meet: (message: Sent, payload: Uint8Array) => Promise<void> = async () => undefined;

  override async ask(message: Sent) {
    if (message.addressee.party === members.f1.identity.cid) await this.meet(message, await this.pack(message));
    return super.ask(message);
  }
}

function order(): Met {
  return new Met(rig, members).wire(members.f1);
}

const sum = (rows: Record<string, number>) => Object.values(rows).reduce((all, count) => all + count, 0);

describe('who replays', () => {
  test('the same message: gets the same stored bytes, and nothing is done again', async () => {
    const parties = order();
    const met: string[] = [];
    parties.meet = async (message, payload) => {
      const first = await parties.post(message, payload);
      const before = await rowsOf(database);
      for (let at = 0; at < 3; at++) expect(await parties.post(message, payload)).toEqual(first);
      expect(await rowsOf(database)).toEqual(before);
      met.push(message.addressee.verb);
    };
    await parties.place();
    await parties.redeem();
    expect(met).toEqual(verbs);
    expect(parties.order.state).toBe('released');
  });

  test('the same message, at once at two replicas: one takes the step, all answer with its bytes', async () => {
    const parties = order();
    let met = 0;
    parties.meet = async (message, payload) => {
      const before = sum(await rowsOf(database));
      const replies = await Promise.all(Array.from({ length: 8 }, () => parties.post(message, payload)));
      for (const reply of replies) expect(reply).toEqual(replies[0]);
      const request = cidOf(known(decodeBundle(payload).envelopes[0]));
      expect(await database.query('SELECT FROM replies WHERE request = $1', [request])).toHaveLength(1);
      expect(sum(await rowsOf(database))).toBeGreaterThan(before);
      met++;
    };
    await parties.place();
    await parties.redeem();
    expect(met).toBe(verbs.length);
    const secrets = await database.query('SELECT FROM secrets WHERE order_ref = $1', [parties.order.ref]);
    expect(secrets).toHaveLength(1);
  });

  test('a step in another envelope, at once or later: one takes it, the others are order_state_conflict', async () => {
    const parties = order();
    const met: string[] = [];
    parties.meet = async (message) => {
      const { verb } = message.addressee;
      if (verb === 'commit' || verb === 'receipt') return; // these may be taken again and change nothing
      const others = await Promise.all(Array.from({ length: 4 }, () => parties.seal(message)));
      const own = await parties.pack(message);
      const first = await parties.post(message, own);
      const codes = await Promise.all(others.map((payload) => codeOf(parties.post(message, payload))));
      expect(codes).toEqual(others.map(() => 'order_state_conflict'));
      expect(await parties.post(message, own)).toEqual(first);
      met.push(verb);
    };
    await parties.place();
    await parties.redeem();
    expect(met).toEqual(['accept', 'deal', 'confirm', 'release']);
  });

  test('a step in five envelopes at once, at two replicas: exactly one is answered', async () => {
    const parties = order();
    parties.held.add('accept');
    await parties.place();
    const message = parties.message('accept', 1);
    const payloads = await Promise.all(Array.from({ length: 5 }, () => parties.seal(message)));
    const codes = await Promise.all(payloads.map((payload) => codeOf(parties.post(message, payload))));
    expect(codes.sort()).toEqual(['answered', ...Array.from({ length: 4 }, () => 'order_state_conflict')]);
    const { ref } = parties.order;
    expect(await database.query('SELECT FROM replies WHERE order_ref = $1', [ref])).toHaveLength(1);
    expect(await database.query('SELECT FROM secrets WHERE order_ref = $1', [ref])).toHaveLength(1);
  });

  test('a Request that this fiduciary first sees after setupBy: setup_expired, and no row', async () => {
    const parties = order();
    parties.held.add('accept');
    const setupBy = Date.now() + 4_000;
    await parties.place({ setupBy });
    const message = parties.message('accept', 1);
    await new Promise((resolve) => setTimeout(resolve, setupBy + 50 - Date.now()));
    expect(await codeOf(parties.ask(message))).toBe('setup_expired');
    expect(await database.query('SELECT FROM orders WHERE ref = $1', [parties.order.ref])).toEqual([]);
  });
});

describe('what is kept for a replay', () => {
  let parties: Met;
  const replies = async () =>
    database.query<{ verb: string; further: boolean; attachments: boolean }>(
      `SELECT verb, further IS NOT NULL AS further, attachments IS NOT NULL AS attachments
       FROM replies WHERE order_ref = $1 ORDER BY created_at`,
      [parties.order.ref],
    );
  const repliesWith = async (column: 'further' | 'attachments') =>
    (await replies()).filter((reply) => reply[column]).map(({ verb }) => verb);

  beforeAll(async () => {
    parties = order();
    parties.held.add('commit');
    await parties.place();
  });

  test('sealed shares and keys, until the Commitment', async () => {
    expect(await repliesWith('attachments')).toEqual(['accept', 'deal']);
    const [accept, deal] = [parties.message('accept', 1), parties.message('deal', 1)];
    const count = async (message: Sent) =>
      decodeBundle(await parties.post(message, await parties.pack(message))).attachments.length;
    expect([await count(accept), await count(deal)]).toEqual([2, 2]);
    parties.held.clear();
    await parties.send(parties.message('commit', 1));
    expect(await repliesWith('attachments')).toEqual([]);
    expect([await count(accept), await count(deal)]).toEqual([0, 0]);
  });

  test.each([
    ['commit', 'release', 'receipt'],
    ['release', 'commit', 'receipt'],
    ['release', 'receipt', 'commit'],
  ] as const)('all that came before, in whatever order: %s, %s, %s', async (...verbs) => {
    const late = order();
    late.held.add('commit').add('receipt');
    await late.place();
    const given: [Sent, Uint8Array][] = [];
    for (const verb of verbs) {
      if (verb === 'release') await late.redeem();
      const message = late.message(verb, 1);
      given.push([message, await late.post(message, await late.pack(message))]);
      for (const [earlier, reply] of given) {
        const again = decodeBundle(await late.post(earlier, await late.pack(earlier)));
        const { envelopes, attachments } = decodeBundle(reply);
        const isOver = earlier.addressee.verb === 'release' && given.length > verbs.indexOf('receipt');
        expect(again).toMatchObject({ attachments, envelopes: isOver ? envelopes.slice(0, 1) : envelopes });
      }
    }
    expect(late.order.state).toBe('released');
  });

  test('a Release, until the Receipt', async () => {
    await parties.send(parties.message('commit', 'beneficiary'));
    parties.held.add('receipt');
    await parties.redeem();
    expect(await repliesWith('further')).toEqual(['release']);
    const release = parties.message('release', 1);
    const count = async () => decodeBundle(await parties.post(release, await parties.pack(release))).envelopes.length;
    expect(await count()).toBe(2);
    await parties.send(parties.message('receipt', 1));
    expect(await repliesWith('further')).toEqual([]);
    expect(await count()).toBe(1);
  });

  test('no Release is in any other table', async () => {
    const [row] = await database.query<{ found: number }>(
      `SELECT (SELECT count(*) FROM envelopes WHERE NOT log) + (SELECT count(*) FROM statements WHERE order_ref = $1
         AND position('release'::bytea in bytes) > 0 AND position('released'::bytea in bytes) = 0)::integer AS found`,
      [parties.order.ref],
    );
    expect(Number(row?.found)).toBe(0);
  });

  test('nothing of a refusal: it is computed again', async () => {
    const before = await rowsOf(database);
    const said = parties.evidence.one(redemptionStatement);
    const { principal } = parties;
    const over = { ...said.body, issuer: principal.identity.cid, expiresAt: Date.now() - 1 };
    const expired = await signStatement(redemptionStatement, over, [principal.key]);
    const message = parties.message('release', 1);
    const statements = message.statements.map((statement) => (statement.cid === said.cid ? expired : statement));
    const payload = await parties.seal({ ...message, statements });
    for (let at = 0; at < 2; at++) {
      expect(await codeOf(parties.post(message, payload))).toBe('redemption_expired');
    }
    expect(await rowsOf(database)).toEqual(before);
  });
});

test('beyond 32 messages in work and 32 that wait: busy, at once, and those that were taken are answered', async () => {
  const parties = order();
  parties.held.add('accept');
  await parties.place();
  const message = parties.message('accept', 1);
  const payload = await parties.pack(message);
  const codes = await Promise.all(Array.from({ length: 400 }, () => codeOf(parties.post(message, payload))));
  expect([...new Set(codes)].sort()).toEqual(['answered', 'busy']);
  expect(codes.filter((code) => code === 'answered').length).toBeGreaterThanOrEqual(64);
  expect(await codeOf(parties.post(message, payload))).toBe('answered');
});
