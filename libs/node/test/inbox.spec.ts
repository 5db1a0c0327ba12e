import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { decodeDocument, encodeDocument, fields, type Cid } from '@dta/codec';
import { sha256, randomBytes } from '@dta/crypto';
import { decodeBundle, parseEnvelope } from '@dta/envelope';
import { DtaError, toDtaError } from '@dta/errors';
import { internalSubject } from '@dta/contracts';
import { makeCall } from '@dta/internal-call';
import { signStatement } from '@dta/identity';
import {
  acknowledgedStatement,
  requestStatement,
  signRequest,
  type OrderStatement,
  type Verb,
  type VerbTo,
} from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import type { Logger } from '@dta/service';
import { z } from 'zod';
import {
  createClock,
  Inbox,
  InternalInbox,
  openNode,
  OrderTable,
  serveVerbs,
  type Database,
  type Node,
  type NodeOptions,
  type PeerStep,
  type Steps,
} from '../src/index.js';
import type { InternalInboxParts } from '../src/internal-inbox.js';
import type { RefusalLog, Told } from '../src/refusal-log.js';
import { refusal } from './refusal.js';
import { cast, member, RoleRig, rowsOf, successorOf, WiredParties, type Cast } from './testing/index.js';

// An inbox by itself, with a step that the test makes up.

interface Tally {
  readonly ref: Cid;
  readonly state: string;
  readonly steps: number;
}

const record = z.strictObject({ ref: fields.cid, state: z.string(), steps: z.int() });

let rig: RoleRig;
let options: NodeOptions;
let node: Node;
let members: Cast;
let orders: OrderTable<Tally>;
let inbox: Inbox<Tally>;
let parties: WiredParties;
let message: Sent;
let payload: Uint8Array;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  const { transport, log } = rig.parts();
  node = await openNode(options, { transport, log });
  orders = new OrderTable<Tally>(node, {
    encode: (order) => ({
      ...{ ref: order.ref, state: order.state, beneficiary: null, createdAt: 1, dueAt: null },
      record: encodeDocument(record, order),
    }),
    decode: (bytes) => decodeDocument(record, bytes, 1_000),
  });
  inbox = new Inbox<Tally>({ ...node, orders });
});

afterAll(async () => {
  await node.close();
  await rig.close();
});

beforeEach(async () => {
  parties = new WiredParties(rig, members);
  parties.held.add('accept');
  await parties.place();
  message = parties.message('accept', 1);
  payload = await parties.pack(message);
});

/** A step that counts, and does `meanwhile` before it ends. */
function counting(meanwhile: (at: number) => Promise<unknown> = async () => undefined): {
  calls: () => number;
  step: PeerStep<Tally>;
} {
  let calls = 0;
  return {
    calls: () => calls,
    step: async (order, { evidence }, { context: { author } }) => {
      const request = evidence.message(requestStatement);
      calls += 1;
      await meanwhile(calls);
      const said = {
        issuer: author.identity.cid,
        order: evidence.order,
        createdAt: Date.now(),
        statement: request.cid,
      };
      const reply: OrderStatement = await signStatement(acknowledgedStatement, said, [author.key]);
      return {
        order: { ref: evidence.order, state: 'counted', steps: (order?.steps ?? 0) + 1 },
        reply: [reply],
        ...{ attachments: [], envelopes: [], secrets: [], erase: [], keep: [reply], settled: null, repeats: false },
      };
    },
  };
}

const refOf = () => message.statements[0]?.cid ?? members.p.identity.cid;

/** Somebody else takes a step of the same order meanwhile. */
const bump = async () => {
  const [before] = await node.database.query<{ version: number }>('SELECT version FROM orders WHERE ref = $1', [
    refOf(),
  ]);
  const { ref, state, record, mac } = orders.row({ ref: refOf(), state: 'moved', steps: 100 }, before?.version ?? null);
  await node.database.query(
    `INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ($1, 1, $2, 1, $3, $4) ON CONFLICT (ref)
     DO UPDATE SET version = orders.version + 1, state = $2, record = excluded.record, mac = excluded.mac`,
    [ref, state, Buffer.from(record), Buffer.from(mac)],
  );
};

test('secrets of a step are wiped though what was answered before can not be read', async () => {
  const value = Uint8Array.of(1, 2, 3);
  const query: Database['query'] = (text, values) =>
    text.startsWith('SELECT envelope FROM replies')
      ? Promise.reject(new Error('away'))
      : node.database.query(text, values);
  const database = { query } as Database; // all that an inbox uses of it
  const { step } = counting();
  const name = { what: 'share', request: refOf(), epoch: 0, transcript: null, index: null } as const;
  const asking: PeerStep<Tally> = async (...said) => ({
    ...(await step(...said)),
    ...{ repeats: true, secrets: [{ name, value }] },
  });
  await expect(new Inbox<Tally>({ ...node, orders, database }).answer('accept', payload, asking)).rejects.toThrow(
    'away',
  );
  expect(value).toEqual(new Uint8Array(3));
});

describe('a step that met another write', () => {
  test('is computed anew, on the order as it then stands', async () => {
    const { calls, step } = counting(async (at) => (at === 1 ? bump() : undefined));
    await inbox.answer('accept', payload, step);
    expect(calls()).toBe(2);
    expect(await orders.find(refOf())).toMatchObject({ version: 2, order: { steps: 101 } });
  });

  test('is computed anew too where it slept: the key of its secrets may be gone', async () => {
    let slept = 0;
    const asleep = new Inbox<Tally>({ ...node, orders, now: () => Date.now() + slept });
    const { calls, step } = counting(async (at) => (at === 1 ? (slept = 61_000) : undefined));
    const clocks: number[] = [];
    await asleep.answer('accept', payload, (order, given, tools) => {
      clocks.push(given.evidence.now);
      return step(order, given, tools);
    });
    expect(calls()).toBe(2);
    expect(known(clocks[1]) - known(clocks[0])).toBeGreaterThanOrEqual(61_000); // what has expired meanwhile is seen to
    expect(await orders.find(refOf())).toMatchObject({ version: 1, order: { steps: 1 } });
  });

  test('is computed anew where it slept and its clock was set back meanwhile', async () => {
    let back = 0;
    const [asleep, monotonic] = [new Inbox<Tally>({ ...node, orders, now: () => Date.now() - back }), performance.now];
    let slept = 0;
    const spy = jest.spyOn(performance, 'now').mockImplementation(() => monotonic.call(performance) + slept);
    const { calls, step } = counting(async (at) => (at === 1 ? (slept = back = 61_000) : undefined));
    try {
      await asleep.answer('accept', payload, step);
    } finally {
      spy.mockRestore();
    }
    expect(calls()).toBe(2);
  });

  test('five times at most: then write_conflict, and nothing is stored', async () => {
    const { calls, step } = counting(bump);
    await expect(inbox.answer('accept', payload, step)).rejects.toThrow(refusal('write_conflict'));
    expect(calls()).toBe(5);
    expect(await node.database.query('SELECT FROM replies WHERE order_ref = $1', [refOf()])).toEqual([]);
    expect(await node.database.query('SELECT FROM statements WHERE order_ref = $1', [refOf()])).toEqual([]);
  });

  test("and lost to the same message elsewhere: answers with the other's bytes", async () => {
    const other = counting();
    let won: Uint8Array | undefined;
    const { calls, step } = counting(async () => (won ??= await inbox.answer('accept', payload, other.step)));
    expect(await inbox.answer('accept', payload, step)).toEqual(won);
    expect([calls(), other.calls()]).toEqual([1, 1]);
    expect(await orders.find(refOf())).toMatchObject({ version: 1, order: { steps: 1 } });
  });
});

describe('the next step of an order that this process has written so far', () => {
  let reads: number;
  /** An inbox whose readings of orders are counted: another process, as far as it knows. */
  const counted = () => {
    const query: Database['query'] = (text, values) => {
      if (text.startsWith('SELECT r.envelope')) reads += 1;
      return node.database.query(text, values);
    };
    return new Inbox<Tally>({ ...node, orders, database: { query } as Database }); // all that an inbox uses of it
  };

  beforeEach(async () => {
    reads = 0;
  });

  test('is taken without reading it', async () => {
    const own = counted();
    const { calls, step } = counting();
    for (const verb of ['accept', 'deal', 'confirm'] as const) await own.answer(verb, payload, step);
    expect([calls(), reads]).toEqual([3, 1]);
    expect(await orders.find(refOf())).toMatchObject({ version: 3, order: { steps: 3 } });
  });

  test('is computed anew on what somebody else has written since', async () => {
    const own = counted();
    const { calls, step } = counting();
    await own.answer('accept', payload, step);
    await bump();
    await own.answer('deal', payload, step);
    expect([calls(), reads]).toEqual([3, 2]);
    expect(await orders.find(refOf())).toMatchObject({ version: 3, order: { steps: 101 } });
    await own.answer('confirm', payload, step); // of an order that it hasn't written from the beginning it reads each step
    expect([calls(), reads]).toEqual([4, 3]);
  });

  test('that is refused for what somebody else has written since is not refused', async () => {
    const own = counted();
    const { step } = counting();
    await own.answer('accept', payload, step);
    await bump();
    const afterMove: PeerStep<Tally> = async (order, ...rest) => {
      if (order?.state !== 'moved') throw new DtaError('order_state_conflict', 'too early');
      return step(order, ...rest);
    };
    await own.answer('deal', payload, afterMove);
    expect(await orders.find(refOf())).toMatchObject({ version: 3, order: { steps: 101 } });
  });

  test('that another replica has taken: answers with its bytes', async () => {
    const [one, other] = [counted(), counted()];
    const { step } = counting();
    await one.answer('accept', payload, step);
    const reply = await other.answer('deal', payload, step);
    expect(await one.answer('deal', payload, step)).toEqual(reply);
    expect(await orders.find(refOf())).toMatchObject({ version: 2, order: { steps: 2 } });
  });

  test('an answered message is read, and answered with the stored bytes without a step', async () => {
    const own = counted();
    const { calls, step } = counting();
    const reply = await own.answer('accept', payload, step);
    expect(await own.answer('accept', payload, step)).toEqual(reply);
    expect([calls(), reads]).toEqual([1, 2]);
  });

  test('that is refused leaves nothing behind', async () => {
    const own = counted();
    const { step } = counting();
    await own.answer('accept', payload, step);
    const refused: PeerStep<Tally> = async () => {
      throw new DtaError('deal_invalid', 'not this time');
    };
    const before = await rowsOf(node.database);
    await expect(own.answer('deal', payload, refused)).rejects.toThrow(refusal('deal_invalid'));
    expect(await rowsOf(node.database)).toEqual(before);
  });
});

describe('a step that fails', () => {
  test('leaves nothing behind, and is tried again when it is asked for again', async () => {
    const before = await rowsOf(node.database);
    const refused = counting(async () => {
      throw new DtaError('deal_invalid', 'not this time');
    });
    await expect(inbox.answer('accept', payload, refused.step)).rejects.toThrow(refusal('deal_invalid'));
    expect(await rowsOf(node.database)).toEqual(before);
    const { calls, step } = counting();
    await inbox.answer('accept', payload, step);
    expect(calls()).toBe(1);
  });

  test('is refused alike when it wants to keep a secret twice', async () => {
    const twice: PeerStep<Tally> = async (order, peer, tools) => {
      const outcome = await counting().step(order, peer, tools);
      const name = { what: 'share', request: refOf(), epoch: 0, transcript: null, index: 1 } as const;
      return { ...outcome, secrets: [1, 2].map(() => ({ name, value: randomBytes(32) })) };
    };
    const before = await rowsOf(node.database);
    await expect(inbox.answer('accept', payload, twice)).rejects.toThrow(refusal('write_conflict'));
    expect(await rowsOf(node.database)).toEqual(before);
  });

  test('has its randomness wiped', async () => {
    let seed = new Uint8Array();
    const failing: PeerStep<Tally> = async (_order, _message, { draw }) => {
      ({ seed } = (await draw()) as { seed: typeof seed }); // the same bytes, not a copy
      expect(seed.some((byte) => byte !== 0)).toBe(true);
      throw new DtaError('deal_invalid', 'no');
    };
    await expect(inbox.answer('accept', payload, failing)).rejects.toThrow(refusal('deal_invalid'));
    expect(seed).toEqual(new Uint8Array(64));
  });
});

describe('a step that was taken before, in another envelope', () => {
  const { step } = counting();
  const repeating: PeerStep<Tally> = async (...given) => ({ ...(await step(...given)), repeats: true });
  const another = () => parties.seal(message);
  const envelopeOf = (reply: Uint8Array) => parseEnvelope(known(decodeBundle(reply).envelopes[0]));

  test('is said again to that envelope, and to no other for a minute; nothing is written or published', async () => {
    const own = new Inbox<Tally>({ ...node, orders });
    const first = await own.answer('commit', payload, repeating);
    expect(envelopeOf(first).header.log).toBe(true); // whatever it repeats, this verb had no answer yet
    const before = await rowsOf(node.database);
    const [second, third] = [await another(), await another()];
    const reply = await own.answer('commit', second, repeating);
    expect(envelopeOf(reply).header).toMatchObject({ log: false, prev: [envelopeOf(second).cid] });
    expect(message.statements.some(({ cid }) => node.verified.get(cid) !== undefined)).toBe(false);
    expect(await own.answer('commit', second, repeating)).toEqual(reply);
    const refused = own.answer('commit', third, repeating).catch((error: unknown) => error);
    const { code, metadata } = toDtaError(await refused);
    expect(code).toBe('busy');
    expect(metadata['retryAfterMs']).toBeGreaterThan(0);
    expect(metadata['retryAfterMs']).toBeLessThanOrEqual(60_000);
    await own.answer('affirm', third, repeating); // another verb
    expect(await own.answer('commit', payload, repeating)).toEqual(first);
    const after = await rowsOf(node.database);
    expect(after).toEqual({ ...before, ...nextOf(before, ['statements', 'replies', 'envelopes', 'events']) }); // of `affirm`
  });

  test('gets a row where an older document of this node answered: the principal may refuse what that one said', async () => {
    const own = new Inbox<Tally>({ ...node, orders });
    await own.answer('commit', payload, repeating);
    const [byOther] = decodeBundle(payload).envelopes;
    await node.database.query('UPDATE replies SET envelope = $2 WHERE order_ref = $1', [
      refOf(),
      Buffer.from(known(byOther)),
    ]);
    const before = await rowsOf(node.database);
    await own.answer('commit', await another(), repeating);
    const written = ['statements', 'replies', 'envelopes', 'events'];
    expect(await rowsOf(node.database)).toEqual({ ...before, ...nextOf(before, written) });
  });

  const nextOf = (counts: Record<string, number>, tables: readonly string[]) =>
    Object.fromEntries(tables.map((table) => [table, (counts[table] ?? 0) + 1]));
});

test('statements stay at hand while their setup is under way, and no longer', async () => {
  const atHand = () => message.statements.map(({ cid }) => node.verified.get(cid) !== undefined);
  const { step } = counting();
  await inbox.answer('accept', payload, step);
  expect(atHand()).toEqual([true, true]);
  await inbox.answer('commit', payload, async (...given) => ({ ...(await step(...given)), settled: 'setup' }));
  expect(atHand()).toEqual([false, false]);
  await inbox.answer('confirm', payload, step);
  expect(atHand()).toEqual([true, true]);
  const [release] = decodeBundle(payload).envelopes; // any will do
  await inbox.answer('release', payload, async (...given) => ({
    ...(await step(...given)),
    envelopes: [known(release)],
  }));
  expect(atHand()).toEqual([false, false]);
});

describe('a clock that was ahead for a moment, and is right again:', () => {
  const HOUR = 60 * 60_000;
  const corrected = () => new Inbox<Tally>({ ...node, orders, now: () => Date.now() - HOUR });

  test('a message that was answered then gets its reply, and a new one is refused until its date comes', async () => {
    const { calls, step } = counting();
    const reply = await inbox.answer('accept', payload, step);
    expect(await corrected().answer('accept', payload, step)).toEqual(reply);
    expect(await inbox.answer('accept', payload, step)).toEqual(reply);
    expect(calls()).toBe(1);
    await expect(corrected().answer('deal', payload, step)).rejects.toThrow(refusal('time_ahead'));
    expect(calls()).toBe(1);
  });

  test('identities that were admitted then are known', async () => {
    const parties = new WiredParties(rig, members);
    parties.held.add('enrol');
    await parties.place();
    const at = Date.now() - HOUR; // all but P's document, which is stored here, is of that time
    const request = await signRequest(
      {
        ...{ plugin: 'milagro', beneficiary: members.b.identity.cid },
        fiduciaries: [members.f1, members.f2].map(({ identity }) => identity.cid),
      },
      members.p,
      parties.directory,
      at,
    );
    parties.order = { ...parties.order, ref: request.cid };
    const sent = { ...parties.message('enrol', 'beneficiary'), statements: [request] };
    const addressee = { ...sent.addressee, party: members.f1.identity.cid, role: 'fiduciary' as const };
    const sealed = await parties.seal({ ...sent, addressee }, { now: at, identities: [members.p.identity.bytes] });
    const { step } = counting();
    await corrected().answer('accept', sealed, step);
  });
});

test('a step is refused while the own clock and the database differ, but what was answered is answered', async () => {
  let ahead = 0;
  const clock = createClock(node.database, node.log, () => Date.now() + ahead);
  await clock.look();
  const doubting = new Inbox<Tally>({ ...node, orders, clock });
  const { calls, step } = counting();
  ahead = 121_000;
  await expect(doubting.answer('accept', payload, step)).rejects.toThrow(
    refusal('clock_skewed', 'ahead of its database'),
  );
  expect([calls(), await orders.find(refOf())]).toEqual([0, undefined]);
  ahead = 0;
  const reply = await doubting.answer('accept', payload, step);
  ahead = -121_000;
  expect(await doubting.answer('accept', payload, step)).toEqual(reply);
  await expect(doubting.answer('deal', payload, step)).rejects.toThrow(refusal('clock_skewed', 'behind its database'));
  expect(calls()).toBe(1);
});

test('a message is of a principal, and refers to no other envelope', async () => {
  const both = await member('both', 'principal', 'beneficiary');
  await node.admission.admit([both.identity.bytes]);
  const { calls, step } = counting();
  const asBeneficiary = await parties.seal(message, { by: both, from: 'beneficiary' });
  await expect(inbox.answer('accept', asBeneficiary, step)).rejects.toThrow(
    refusal('envelope_invalid', 'no verb of a'),
  );
  const referring = await parties.seal(message, { prev: [refOf()] });
  await expect(inbox.answer('accept', referring, step)).rejects.toThrow(
    refusal('envelope_invalid', 'refers to no envelope'),
  );
  expect(calls()).toBe(0);
});

test('a message is signed by its sender, and not dated ahead, whatever is in it', async () => {
  const { calls, step } = counting();
  const thief = { ...members.p, key: members.b.key };
  const forged = await parties.seal(message, { by: thief });
  await expect(inbox.answer('accept', forged, step)).rejects.toThrow(refusal('envelope_invalid', 'not by the sender'));
  const ahead = await parties.seal(message, { now: Date.now() + 150_000 });
  await expect(inbox.answer('accept', ahead, step)).rejects.toThrow(refusal('time_ahead'));
  expect(calls()).toBe(0);
});

test('a refusal is told of a peer only once its signature holds', async () => {
  const told: Told[] = [];
  const refusals: RefusalLog = { refused: (about) => void told.push({ ...about }) };
  const telling = new Inbox<Tally>({ ...node, orders, refusals });
  const refusing: PeerStep<Tally> = async () => Promise.reject(new DtaError('deal_invalid', 'no'));
  const thief = { ...members.p, key: members.b.key };
  for (const sealed of [payload, await parties.seal(message, { by: thief })])
    await expect(telling.answer('accept', sealed, refusing)).rejects.toThrow();
  const about = { verb: 'accept', peer: members.p.identity.cid, order: refOf() };
  expect(told).toEqual([
    { ...about, isVerified: true },
    { ...about, isVerified: false },
  ]);
});

test('a step gets what came beside its message, and its attachments go with the answer until a setup is over', async () => {
  const { step } = counting();
  const [own] = decodeBundle(payload).envelopes;
  const beside = [known(own), known(own)]; // any will do
  const sealed = await parties.seal({ ...message, attachments: [Uint8Array.of(1)] }, { further: beside });
  const attachments = [Uint8Array.of(2)];
  const answerWith = (settled: 'setup' | null, verb: Verb) =>
    inbox.answer(verb, sealed, async (order, given, tools) => {
      expect([given.envelopes, given.attachments]).toEqual([beside, [Uint8Array.of(1)]]);
      return { ...(await step(order, given, tools)), attachments, settled };
    });
  expect(decodeBundle(await answerWith(null, 'deal')).attachments).toEqual(attachments);
  expect(decodeBundle(await answerWith('setup', 'confirm')).attachments).toEqual([]);
});

test('an event says the new state of an order, or the verb where it stays in its state', async () => {
  const { step } = counting();
  for (const verb of ['accept', 'deal'] as const) await inbox.answer(verb, payload, step);
  const events = await node.database.query('SELECT kind FROM events WHERE order_ref = $1 ORDER BY id', [refOf()]);
  expect(events).toEqual([{ kind: 'counted' }, { kind: 'deal' }]);
});

describe('the verbs that the table gives a role', () => {
  /** A step for each verb of a beneficiary. */
  const stepsOf = (step: PeerStep<Tally>): Steps<'beneficiary', Tally> => ({
    ...{ enrol: step, manifest: step, commit: step, redeem: step, affirm: step },
  });
  /** Asks what is served for a verb, as Nest would. */
  const asked = (steps: Steps<'beneficiary', Tally>, verb: VerbTo<'beneficiary'>) => {
    const controller = serveVerbs('beneficiary', inbox, steps);
    const handlers = controller.prototype as Record<typeof verb, (message: object) => Promise<Uint8Array>>; // a Type's is any
    return handlers[verb]({ payload });
  };

  test('find their order, and are refused where there is none and they begin none', async () => {
    const { calls, step } = counting();
    const steps = stepsOf(step);
    for (const verb of ['manifest', 'commit', 'redeem', 'affirm'] as const)
      await expect(asked(steps, verb)).rejects.toThrow(refusal('order_not_found'));
    expect(calls()).toBe(0);
    await asked(steps, 'enrol');
    await asked(steps, 'commit');
    expect(calls()).toBe(2);
  });

  test('are served each by a step: one too few is refused by the compiler and at the start', () => {
    const { step } = counting();
    const { redeem: _, ...fewer } = stepsOf(step);
    // @ts-expect-error a verb of the table without a step
    expect(() => serveVerbs('beneficiary', inbox, fewer)).toThrow('no step for redeem');
    // @ts-expect-error a verb that the table doesn't give this role
    const more: Steps<'beneficiary', Tally> = { ...stepsOf(step), deal: step };
    expect(Object.keys(more)).toContain('deal');
  });
});

test('a stored reply is of its verb: the same bytes under another verb are another message', async () => {
  const [first, second] = [counting(), counting()];
  const reply = await inbox.answer('accept', payload, first.step);
  expect(await inbox.answer('accept', payload, second.step)).toEqual(reply);
  expect(second.calls()).toBe(0);
  expect(await inbox.answer('deal', payload, second.step)).not.toEqual(reply);
  expect(second.calls()).toBe(1);
});

describe("a gateway's call", () => {
  const [token, nextToken] = ['a bearer token', 'the one after it'];
  const nextPsk = randomBytes(32);
  const subject = () => internalSubject(members.f1.identity.cid, 'fiduciary', 'list-identities');
  const hashes = [token, nextToken].map((text) => sha256(new TextEncoder().encode(text)));
  const inboxOf = (
    now = Date.now(),
    tokenHashes: readonly Uint8Array[] | null = hashes,
    other: Partial<InternalInboxParts> = {},
  ) =>
    new InternalInbox({
      sql: node.database,
      psks: [...options.psks, nextPsk],
      tokenHashes,
      now: () => now,
      log: node.log,
      refusals: node.refusals,
      observe: () => undefined,
      ...other,
    });
  const made = (said: { token?: string | null; psk?: Uint8Array; now?: number }) =>
    makeCall(
      'list-identities',
      { psk: said.psk ?? options.psks[0], subject: subject(), gateway: 'test', now: said.now ?? Date.now() },
      {
        caller: { token: said.token === undefined ? token : said.token },
        ...{ requestId: 'test', traceparent: null, params: { role: null } },
      },
    );
  const serve = async (call: ReturnType<typeof made>, inbox = inboxOf(), at = subject()) =>
    call.readReply(await inbox.answer('list-identities', at, call.bytes, async () => ({ identities: [] })));

  test('is answered to a caller with the token, and to no other', async () => {
    expect(await serve(made({}))).toEqual({ identities: [] });
    for (const wrong of [null, '', 'another token', `${token} `]) {
      await expect(serve(made({ token: wrong }))).rejects.toThrow(refusal('unauthenticated'));
    }
  });

  test('has a line in the log, of the request that it belongs to and how it ended', async () => {
    const lines: object[] = [];
    // all that an inbox uses of it
    const log = { info: (fields: object) => void lines.push(fields), debug: () => undefined } as unknown as Logger;
    const refused: Told[] = [];
    const refusals: RefusalLog = { refused: (about) => void refused.push(about) };
    const telling = inboxOf(Date.now(), hashes, { log, refusals });
    await serve(made({}), telling);
    await expect(serve(made({ token: 'wrong' }), telling)).rejects.toThrow(refusal('unauthenticated'));
    const said = { requestId: 'test', call: 'list-identities' };
    expect(lines).toMatchObject([
      { ...said, code: 'ok' },
      { ...said, code: 'unauthenticated' },
    ]);
    await expect(serve(made({ psk: randomBytes(32) }), telling)).rejects.toThrow();
    expect(refused).toEqual([{ verb: 'list-identities', peer: null, isVerified: false, order: null }]);
  });

  test('is answered without a token where no role asks for one', async () => {
    expect(await serve(made({ token: null }), inboxOf(Date.now(), null))).toEqual({ identities: [] });
  });

  test('for the status alone is answered to any caller', async () => {
    const at = internalSubject(members.f1.identity.cid, 'fiduciary', 'status');
    const call = makeCall(
      'status',
      { psk: options.psks[0], subject: at, gateway: 'test', now: Date.now() },
      { caller: { token: null }, requestId: 'test', traceparent: null, params: {} },
    );
    const run = async () => Promise.reject(new DtaError('busy', 'was asked'));
    for (let times = 0; times < 2; times += 1) {
      const reply = await inboxOf().answer('status', at, call.bytes, run);
      expect(() => call.readReply(reply)).toThrow(refusal('busy'));
    }
  });

  test('is answered once, at whichever replica', async () => {
    const call = made({});
    const [one, other] = [inboxOf(), inboxOf()];
    const settled = await Promise.allSettled([serve(call, one), serve(call, other), serve(call, one)]);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(serve(call, other)).rejects.toThrow(refusal('replayed'));
  });

  test('is taken under each key and with each token, while they are replaced', async () => {
    for (const psk of [...options.psks, nextPsk]) {
      for (const shown of [token, nextToken]) {
        expect(await serve(made({ psk, token: shown }))).toEqual({ identities: expect.any(Array) });
      }
    }
    for (const shown of [null, 'wrong']) {
      await expect(serve(made({ psk: nextPsk, token: shown }))).rejects.toThrow(refusal('unauthenticated'));
    }
  });

  test('is used up although its caller was refused', async () => {
    const call = made({ token: 'wrong' });
    await expect(serve(call)).rejects.toThrow(refusal('unauthenticated'));
    await expect(serve(call)).rejects.toThrow(refusal('replayed'));
  });

  test('is of this key, this subject and this moment', async () => {
    const call = (said: Parameters<typeof made>[0]) =>
      inboxOf().answer('list-identities', subject(), made(said).bytes, none);
    const none = async () => ({ identities: [] });
    await expect(call({ psk: randomBytes(32) })).rejects.toThrow(refusal('unauthenticated'));
    await expect(serve(made({ now: Date.now() - 121_000 }))).rejects.toThrow(refusal('clock_skewed'));
    await expect(serve(made({ now: Date.now() + 125_000 }))).rejects.toThrow(refusal('clock_skewed'));
    const elsewhere = internalSubject(members.f1.identity.cid, 'fiduciary', 'status');
    await expect(inboxOf().answer('list-identities', elsewhere, made({}).bytes, none)).rejects.toThrow(
      refusal('unauthenticated'),
    );
  });
});

describe('of documents that ride along', () => {
  test('those of chains that a message does not name are not verified, however many', async () => {
    const strangers = await Promise.all(Array.from({ length: 40 }, (_, at) => member(`S${at}`, 'fiduciary')));
    const own = parties.identities.map(({ bytes }) => bytes);
    const altered = strangers.map(({ identity: { bytes } }) => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)); // of the signature
    const { calls, step } = counting();
    await inbox.answer('accept', await parties.seal(message, { identities: [...own, ...altered] }), step);
    expect(calls()).toBe(1);
    for (const { identity } of strangers) expect(node.admission.hasRead(identity.cid)).toBe(false);
  });

  test('those of chains that it names are verified, with their successors', async () => {
    const own = parties.identities.map(({ bytes }) => bytes);
    const forged = await successorOf(members.b, { withoutNextKey: true });
    const step: PeerStep<Tally> = async () => {
      throw new Error('not reached');
    };
    const late = await successorOf(members.b, { now: Date.now() + 600_000 });
    const last = await successorOf(await successorOf(members.b)); // without the one before it
    const cases = [
      [forged, 'identity_invalid'],
      [late, 'time_ahead'],
      [last, 'identity_invalid'],
    ] as const;
    for (const [{ identity }, code] of cases) {
      const sealed = await parties.seal(message, { identities: [...own, identity.bytes] });
      await expect(inbox.answer('accept', sealed, step)).rejects.toThrow(refusal(code));
    }
    const sealed = await parties.seal(message, {
      identities: own.filter((bytes) => bytes !== members.b.identity.bytes),
    });
    await expect(inbox.answer('accept', sealed, step)).rejects.toThrow(refusal('identity_not_found'));
  });

  test('a successor of an admitted chain that it does not name is noted', async () => {
    const other = await member('other', 'principal');
    await node.admission.admit([other.identity.bytes]);
    const next = await successorOf(other);
    const own = parties.identities.map(({ bytes }) => bytes);
    const { step } = counting();
    await inbox.answer('accept', await parties.seal(message, { identities: [next.identity.bytes, ...own] }), step);
    expect(node.admission.newestOf(other.identity.cid).cid).toBe(next.identity.cid);
  });
});

test('what was stored before and comes in another envelope by a retired key is refused: nothing is sealed to that', async () => {
  const { step } = counting();
  const keeping: PeerStep<Tally> = async (order, given, tools) => {
    const outcome = await step(order, given, tools);
    return { ...outcome, keep: [...given.evidence.statements] };
  };
  await inbox.answer('accept', payload, keeping);
  const next = await successorOf(members.p);
  await node.admission.learn([next.identity]);
  const again = await parties.seal(message); // by the old key, in another envelope
  await expect(inbox.answer('accept', again, keeping)).rejects.toThrow(refusal('identity_frozen'));
});
