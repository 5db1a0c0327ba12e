import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, parseCid, type Cid } from '@dta/codec';
import { decodeBundle, encodeBundle, parseEnvelope, sealEnvelope, type NewEnvelope } from '@dta/envelope';
import { peerSubject } from '@dta/contracts';
import {
  decideFork,
  drawKey,
  generateKeys,
  readIdentity,
  revokeIdentity,
  signStatement,
  softwareSigningKey,
  type SigningKey,
  type StatementOf,
} from '@dta/identity';
import { acknowledgedStatement, forwardStatement } from '@dta/order';
import { known } from '@dta/order/testing';
import { Gate } from '@dta/transport';
import { setTimeout as delay } from 'node:timers/promises';
import { greet, startAnnouncer } from '../src/announcer.js';
import { takeIdentities } from '../src/identity-verb.js';
import { openNode, type Node } from '../src/index.js';
import { readKeyFile, replaceKeyFile } from '../src/key-files.js';
import { custodyProtection } from '@dta/custody';
import { refusal } from './refusal.js';
import { cast, codeOf, member, RoleRig, successorOf, type Cast, type Member } from './testing/index.js';

// What nodes say of identities: F1 is a real node, P and F2 are admitted there, B and whoever else is not.

let rig: RoleRig;
let members: Cast;
let node: Node;

const opened: Node[] = [];

beforeEach(async () => {
  rig = await RoleRig.open();
  members = await cast();
  node = await nodeOf(members.f1, 'fiduciary', [members.p, members.f2]);
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await rig.close();
});

async function nodeOf(owner: Member, role: Node['role'], admitted: readonly Member[]): Promise<Node> {
  const options = await rig.prepare(
    owner,
    role,
    admitted.map(({ identity }) => identity),
  );
  const made = await openNode(options, rig.parts());
  opened.push(made);
  return made;
}

interface Said {
  readonly forwards?: readonly Cid[];
  readonly forwardBy?: Member;
  readonly envelope?: Partial<NewEnvelope>;
  readonly identities?: readonly Uint8Array[];
}

/** Tells the node of `news`, in the name of `by`. */
async function tell(...message: Parameters<typeof messageBy>): Promise<string> {
  return codeOf(takeIdentities(node, await messageBy(...message)));
}

async function messageBy(
  by: Member,
  news: readonly { cid: Cid; bytes: Uint8Array }[],
  said: Said = {},
): Promise<Uint8Array> {
  const author = said.forwardBy ?? by;
  const forward: StatementOf<typeof forwardStatement> = await signStatement(
    forwardStatement,
    {
      issuer: author.identity.cid,
      order: null,
      createdAt: Date.now(),
      statements: [...(said.forwards ?? news.map(({ cid }) => cid))],
    },
    [author.key],
  );
  const { cid: id, keys } = node.ring.newest;
  const { bytes } = await sealEnvelope(
    {
      ...{ sender: by.identity, from: known(by.identity.roles[0]), order: null, prev: [], log: false, now: Date.now() },
      recipients: [{ id, role: 'fiduciary', kem: keys.kem }],
      statements: [forward.bytes, ...news.map((one) => one.bytes)],
      ...said.envelope,
    },
    by.key,
  );
  const identities = [...(said.identities ?? [])];
  return encodeBundle({ envelopes: [bytes], attachments: [], identities });
}

const standing = ({ identity }: Member) => node.admission.directory.standingOf(identity.cid);

describe('a peer says', () => {
  test('that it has a successor, by either key', async () => {
    const next = await successorOf(members.p);
    expect(await tell(members.p, [next.identity])).toBe('answered');
    expect(node.admission.newestOf(members.p.identity.cid).cid).toBe(next.identity.cid);
    const third = await successorOf(next);
    expect(await tell(next, [next.identity, third.identity], { identities: [next.identity.bytes] })).toBe('answered');
    expect(node.admission.newestOf(members.p.identity.cid).cid).toBe(third.identity.cid);
    expect(await tell(members.p, [next.identity])).toBe('answered'); // once more: nothing new
  });

  test('that its chain is over, also when that is known already', async () => {
    const revocation = await revokeIdentity(members.p.identity.cid, 'stolen', members.p.key, Date.now());
    for (let times = 0; times < 2; times += 1) expect(await tell(members.p, [revocation])).toBe('answered');
    expect(standing(members.p)).toBe('revoked');
  });

  test("what it heard of another's chain", async () => {
    const next = await successorOf(members.p);
    expect(await tell(members.f2, [next.identity])).toBe('answered');
    const revocation = await revokeIdentity(members.p.identity.cid, 'stolen', next.key, Date.now());
    expect(await tell(members.f2, [revocation])).toBe('answered');
    expect(standing(members.p)).toBe('revoked');
  });
});

test('what does not prove itself is refused, and nothing is noted', async () => {
  const cases: [string, string, () => Promise<string>][] = [
    [
      'a sender who is not admitted',
      'identity_not_admitted',
      async () => {
        const { identity } = members.b;
        return tell(members.b, [(await successorOf(members.p)).identity], { identities: [identity.bytes] });
      },
    ],
    [
      'a successor in a chain that is not admitted',
      'identity_not_admitted',
      async () => tell(members.p, [members.b.identity, (await successorOf(members.b)).identity]),
    ],
    [
      'a Revocation by another',
      'signature_invalid',
      async () => tell(members.p, [await revokeIdentity(members.f2.identity.cid, '', members.p.key, Date.now())]),
    ],
    [
      'a successor that the predecessor did not sign',
      'identity_invalid',
      async () => tell(members.p, [(await successorOf({ ...members.p, key: members.b.key })).identity]),
    ],
    [
      'a successor by another key than the predecessor committed to',
      'identity_invalid',
      async () => tell(members.p, [(await successorOf(members.p, { withoutNextKey: true })).identity]),
    ],
    [
      'a sender by such a key',
      'identity_invalid',
      async () => {
        const thief = await successorOf(members.p, { withoutNextKey: true });
        return tell(thief, [thief.identity], { identities: [thief.identity.bytes] });
      },
    ],
    [
      'a Decision by a key of the chain itself',
      'signature_invalid',
      async () => {
        const { cid } = members.p.identity;
        return tell(members.p, [await decideFork(cid, '', members.p.key, Date.now())]);
      },
    ],
    [
      'more than the Forward names',
      'envelope_invalid',
      async () => {
        const next = await successorOf(members.p);
        return tell(members.p, [next.identity, members.p.identity], { forwards: [next.identity.cid] });
      },
    ],
    [
      'a Forward by another than the sender',
      'envelope_invalid',
      async () => tell(members.p, [(await successorOf(members.p)).identity], { forwardBy: members.f2 }),
    ],
    [
      'an envelope of an order',
      'envelope_invalid',
      async () =>
        tell(members.p, [(await successorOf(members.p)).identity], { envelope: { order: members.b.identity.cid } }),
    ],
    [
      'an envelope for the log',
      'envelope_invalid',
      async () => tell(members.p, [(await successorOf(members.p)).identity], { envelope: { log: true } }),
    ],
    [
      'another kind of statement',
      'document_invalid',
      async () => {
        const { bytes, cid } = await signStatement(
          forwardStatement,
          { issuer: members.p.identity.cid, order: null, createdAt: Date.now(), statements: [members.p.identity.cid] },
          [members.p.key],
        );
        return tell(members.p, [{ bytes, cid }]);
      },
    ],
  ];
  for (const [what, code, say] of cases) {
    expect([what, await say()]).toEqual([what, code]);
    const rows = await node.database.query('SELECT FROM identities');
    expect(rows).toHaveLength(3); // its own, P, F2
    expect(await node.database.query('SELECT FROM revocations')).toEqual([]);
    for (const one of [members.p, members.f2]) expect(standing(one)).toBe('sound');
  }
});

test('the end of a chain that is not admitted is kept until it is', async () => {
  const { identity, key } = members.b;
  expect(await tell(members.p, [await revokeIdentity(identity.cid, 'stolen', key, Date.now())])).toBe('answered');
  expect(await node.database.query('SELECT FROM revocations')).toEqual([]);
  await node.admission.admit([identity.bytes]);
  expect(standing(members.b)).toBe('revoked');
});

/** A party with a recovery key, admitted at the node. */
async function recoverable(): Promise<{ q: Member; recovery: SigningKey }> {
  const { key: recovery } = drawKey();
  const said = { name: 'Q', roles: ['principal'], recovery: recovery.publicKey, now: Date.now() } as const;
  const generation = await generateKeys(said);
  const key = softwareSigningKey(known(generation.signSeed));
  const q = { identity: readIdentity(generation.document), key, generation };
  await node.admission.admit([q.identity.bytes]);
  return { q, recovery };
}

test('a Decision ends the freeze of a chain at each peer that it is told', async () => {
  const { q, recovery } = await recoverable();
  const [own, thiefs, third] = [await successorOf(q), await successorOf(q), await successorOf(q)];
  await tell(members.p, [thiefs.identity, third.identity, own.identity]); // the third in a row isn't noted
  expect(standing(q)).toBe('frozen');
  const decision = await decideFork(own.identity.cid, 'ours', recovery, Date.now());
  const next = await successorOf(own);
  const identities = [own.identity.bytes, next.identity.bytes];
  expect(await tell(next, [own.identity, decision, next.identity], { identities })).toBe('answered');
  expect(standing(q)).toBe('sound');
  expect(node.admission.newestOf(q.identity.cid).cid).toBe(next.identity.cid);
  expect(await tell(next, [own.identity, decision, next.identity])).toBe('answered'); // once more: nothing new
});

describe('an owner whose documents are no news at a node, since its chain is frozen there or on the line of a thief,', () => {
  /** the owner's, the newest last */
  let owners: Member[];
  let newest: Member;
  let q: Member;
  let recovery: SigningKey;
  /** two generations of a thief's */
  let thiefs: Member[];

  beforeEach(async () => {
    ({ q, recovery } = await recoverable());
    owners = [await successorOf(q)];
    for (let last = known(owners[0]); owners.length < 3;) owners.push((last = await successorOf(last)));
    newest = known(owners.at(-1));
    const rival = await successorOf(q);
    thiefs = [rival, await successorOf(rival)];
  });

  const identitiesOf = (...of: Member[]) => of.map(({ identity }) => identity);
  const frozen = async () => {
    await tell(members.p, identitiesOf(known(thiefs[0])));
    await tell(members.p, identitiesOf(known(owners[0])));
    expect(standing(q)).toBe('frozen');
  };
  const onThiefsLine = async () => {
    await tell(members.p, identitiesOf(...thiefs));
    expect(node.admission.newestOf(q.identity.cid).cid).toBe(known(thiefs[1]).identity.cid);
  };
  const situations: [string, () => Promise<void>][] = [
    ['frozen', frozen],
    ['on the line of a thief', onThiefsLine],
  ];
  const sayAll = (end: { cid: Cid; bytes: Uint8Array }) =>
    messageBy(newest, [...identitiesOf(...owners), end], {
      identities: identitiesOf(...owners).map(({ bytes }) => bytes),
    });

  test.each(situations)('decides for its newest document: %s', async (_, begin) => {
    await begin();
    const decision = await decideFork(newest.identity.cid, 'ours', recovery, Date.now());
    expect(await codeOf(takeIdentities(node, await sayAll(decision)))).toBe('answered');
    expect(standing(q)).toBe('sound');
    expect(node.admission.newestOf(q.identity.cid).cid).toBe(newest.identity.cid);
  });

  test.each(situations)(
    'ends the chain, whichever document it names, and is answered so that it can read it: %s',
    async (_, begin) => {
      await begin();
      const revocation = await revokeIdentity(newest.identity.cid, 'stolen', recovery, Date.now());
      const reply = await takeIdentities(node, await sayAll(revocation));
      expect(standing(q)).toBe('revoked');
      const [envelope = new Uint8Array()] = decodeBundle(reply).envelopes;
      expect(parseEnvelope(envelope).header.recipients.map(({ id }) => id)).toEqual([newest.identity.cid]);
      await node.close();
      const again = await openNode({ ...node.options, admittedIdentities: null }, rig.parts());
      opened.splice(opened.indexOf(node), 1, again);
      expect(again.admission.directory.standingOf(q.identity.cid)).toBe('revoked');
    },
  );

  test('ends it, though another document of the same message is refused', async () => {
    await onThiefsLine();
    const revocation = await revokeIdentity(q.identity.cid, 'stolen', recovery, Date.now());
    const stranger = await member('stranger', 'principal');
    const late = await successorOf(members.p, { now: Date.now() + 600_000 });
    expect(await tell(members.p, [...identitiesOf(stranger, late), revocation])).toBe('identity_not_admitted');
    expect(standing(q)).toBe('revoked');
    expect(node.admission.newestOf(members.p.identity.cid).cid).toBe(members.p.identity.cid);
  });
});

test('the key that a chain retires in the same message ends nothing, though its Revocation came before', async () => {
  const next = await successorOf(members.p);
  const third = await successorOf(next);
  const early = await revokeIdentity(next.identity.cid, 'mine', next.key, Date.now());
  expect(await tell(members.f2, [early])).toBe('answered'); // of a document that isn't known yet
  expect(await tell(members.f2, [next.identity, third.identity])).toBe('answered');
  expect(standing(members.p)).toBe('sound');
  expect(node.admission.newestOf(members.p.identity.cid).cid).toBe(third.identity.cid);
});

test('who tells by a retired key is answered by its newest', async () => {
  const next = await successorOf(members.p);
  await node.admission.learn([next.identity]);
  const reply = await takeIdentities(node, await messageBy(members.p, [next.identity]));
  const [envelope = new Uint8Array()] = decodeBundle(reply).envelopes;
  expect(parseEnvelope(envelope).header.recipients.map(({ id }) => id)).toEqual([next.identity.cid]);
});

test('a chain that is revoked has no more successors, and one that is frozen no third', async () => {
  const [next, fork, third] = [
    await successorOf(members.p),
    await successorOf(members.p),
    await successorOf(members.p),
  ];
  for (const { identity } of [next, fork, third]) await tell(members.f2, [identity]);
  expect(standing(members.p)).toBe('frozen');
  const count = async (first: Cid) =>
    (await node.database.query('SELECT FROM identities WHERE first = $1', [first])).length;
  expect(await count(members.p.identity.cid)).toBe(3);
  await tell(members.f2, [await revokeIdentity(members.f2.identity.cid, '', members.f2.key, Date.now())]);
  await tell(members.p, [(await successorOf(members.f2)).identity]);
  expect(await count(members.f2.identity.cid)).toBe(1);
});

describe('a node signs nothing new', () => {
  test('once its own chain is revoked', async () => {
    const { key, identity } = members.f1;
    expect(node.ring.author.identity.cid).toBe(identity.cid);
    await node.admission.revoke((await revokeIdentity(identity.cid, 'lost', key, Date.now())).bytes);
    expect(() => node.ring.author).toThrow(refusal('identity_frozen'));
  });

  test('once a replica runs with the next generation of its keys', async () => {
    const next = await successorOf(members.f1);
    await node.admission.learn([next.identity]);
    expect(() => node.ring.author).toThrow(refusal('identity_frozen'));
    expect(node.ring.newest.cid).toBe(members.f1.identity.cid);
  });
});

test('a node that is greeted says that it is there, and learns nothing', async () => {
  const [p, b] = [
    await nodeOf(members.p, 'principal', [members.f1]),
    await nodeOf(members.b, 'beneficiary', [members.f1]),
  ];
  const first = node.ring.first;
  await expect(greet(p, first, 'fiduciary')).rejects.toThrow(refusal('service_unavailable'));
  await node.transport.serve(
    peerSubject(first, 'fiduciary', 'identity'),
    { group: 'test', gate: new Gate() },
    ({ payload }) => takeIdentities(node, payload),
  );
  const rows = () => node.database.query('SELECT cid, first FROM identities ORDER BY cid');
  const before = await rows();
  await greet(p, first, 'fiduciary');
  await greet(p, first, 'fiduciary');
  await expect(greet(b, first, 'fiduciary')).rejects.toThrow(refusal('identity_not_admitted')); // F1 knows no B
  expect(await rows()).toEqual(before);
});

test('what is no answer of the greeted to this very greeting is no sign of life', async () => {
  const p = await nodeOf(members.p, 'principal', [members.f1, members.f2]);
  const first = node.ring.first;
  let answer: (payload: Uint8Array) => Promise<Uint8Array> = (payload) => takeIdentities(node, payload);
  await node.transport.serve(
    peerSubject(first, 'fiduciary', 'identity'),
    { group: 'test', gate: new Gate() },
    ({ payload }) => answer(payload),
  );
  /** An Acknowledged of something that was not said, or by somebody else, in an envelope that is well sealed. */
  const acknowledge = async (payload: Uint8Array, by: Member): Promise<Uint8Array> => {
    const [greeting = new Uint8Array()] = decodeBundle(payload).envelopes;
    const { cid: issuer } = by.identity;
    const body = { issuer, order: null, createdAt: Date.now(), statement: first };
    const { bytes } = await signStatement(acknowledgedStatement, body, [by.key]);
    const { cid: id, keys } = members.p.identity;
    const sealed = await sealEnvelope(
      {
        ...{
          sender: by.identity,
          from: 'fiduciary',
          order: null,
          prev: [cidOf(greeting)],
          log: false,
          now: Date.now(),
        },
        recipients: [{ id, role: 'principal', kem: keys.kem }],
        statements: [bytes],
      },
      by.key,
    );
    return encodeBundle({ envelopes: [sealed.bytes], attachments: [], identities: [by.identity.bytes] });
  };
  let earlier: Uint8Array | undefined;
  answer = async (payload) => (earlier = await takeIdentities(node, payload));
  await greet(p, first, 'fiduciary');
  const cases: [string, (payload: Uint8Array) => Promise<Uint8Array>][] = [
    ['envelope_invalid', async () => known(earlier)],
    ['envelope_invalid', (payload) => acknowledge(payload, members.f1)],
    ['envelope_invalid', (payload) => acknowledge(payload, members.f2)],
    ['non_canonical', async () => known(earlier).slice(0, -1)],
    ['non_canonical', async () => new Uint8Array(1024)],
    ['too_large', async () => new Uint8Array(1024 * 1024 + 1)],
  ];
  for (const [code, said] of cases) {
    answer = said;
    expect(await codeOf(greet(p, first, 'fiduciary'))).toBe(code);
  }
});

describe('a node with new keys', () => {
  /** F1 as it is after `dta identity rotate` and a restart. */
  async function restarted(next: Member): Promise<Node> {
    const { options } = node;
    const protection = custodyProtection(node.custody);
    const before = await readKeyFile(options.keyFile, protection);
    await replaceKeyFile(options.keyFile, [...before, next.generation], protection);
    const again = await openNode(options, rig.parts());
    opened.push(again);
    return again;
  }

  test('tells each admitted peer until it is acknowledged, who comes later too, and no one twice', async () => {
    const next = await successorOf(members.f1);
    const rotated = await restarted(next);
    const f2 = await nodeOf(members.f2, 'fiduciary', [members.f1]);
    const heard: Cid[] = [];
    const serve = (peer: Node) =>
      peer.transport.serve(
        peerSubject(peer.ring.first, peer.role, 'identity'),
        { group: 'test', gate: new Gate() },
        ({ payload }) => {
          heard.push(peer.ring.first);
          return takeIdentities(peer, payload);
        },
      );
    const announcer = startAnnouncer(rotated);
    try {
      const owed = () =>
        rotated.database.query<{ peer: Cid; last_error: string | null }>(
          'SELECT peer, last_error FROM announcements WHERE answered_at IS NULL',
        );
      await until(
        async () => (await owed()).filter(({ last_error: error }) => error === 'service_unavailable').length === 2,
      );
      await serve(f2);
      const p = await nodeOf(members.p, 'principal', [members.f1]);
      await serve(p);
      await until(async () => (await owed()).length === 0);
      for (const peer of [f2, p]) {
        expect(peer.admission.newestOf(members.f1.identity.cid).cid).toBe(next.identity.cid);
      }
      await rotated.admission.admit([members.b.identity.bytes]);
      const b = await nodeOf(members.b, 'beneficiary', [members.f1]);
      await serve(b);
      const told = heard.filter((cid) => cid === f2.ring.first).length; // twice, where it took longer than a call may
      await until(async () => heard.includes(parseCid(members.b.identity.cid)));
      await until(async () => (await owed()).length === 0);
      expect(heard.filter((cid) => cid === f2.ring.first)).toHaveLength(told);
    } finally {
      await announcer.stop();
    }
  });
});

test('news that were sealed while the clock was a year ahead are sealed anew', async () => {
  const YEAR = 365 * 24 * 60 * 60_000;
  const { p, f1 } = members;
  let [ahead, served] = [YEAR, 0];
  const sender = await nodeOf(await member('ahead', 'fiduciary'), 'fiduciary', [p]);
  const revocation = await revokeIdentity(sender.ring.first, 'given up', sender.lastWord.key, Date.now());
  await sender.admission.revoke(revocation.bytes);
  const peer = await nodeOf(p, 'principal', [{ ...f1, identity: sender.ring.newest }]);
  await peer.transport.serve(
    peerSubject(peer.ring.first, 'principal', 'identity'),
    { group: 'test', gate: new Gate() },
    ({ payload }) => ((served += 1), takeIdentities(peer, payload)),
  );
  const rows = () =>
    sender.database.query<{ last_error: string | null; done: boolean }>(
      'SELECT last_error, answered_at IS NOT NULL AS done FROM announcements',
    );
  const wrong = { ...sender, now: () => Date.now() + ahead, clock: { ...sender.clock, agrees: true } };
  const first = startAnnouncer(wrong); // database and clock were wrong alike
  await until(async () => (await rows()).some(({ last_error: error }) => error === 'time_ahead'));
  await first.stop();
  await sender.database.query("UPDATE announcements SET next_attempt_at = now() + interval '1 year'");
  ahead = 0;
  const second = startAnnouncer(wrong);
  await until(async () => (await rows()).every(({ done }) => done) && served > 1);
  await second.stop();
  expect(peer.admission.directory.standingOf(sender.ring.first)).toBe('revoked');
});

test('a peer that refuses to hear of the end of a chain is told of as an error, one that is away is not', async () => {
  const { p, f2 } = members;
  const sender = await nodeOf(await member('ending', 'fiduciary'), 'fiduciary', [p, f2]);
  const revocation = await revokeIdentity(sender.ring.first, 'given up', sender.lastWord.key, Date.now());
  await sender.admission.revoke(revocation.bytes);
  const peer = await nodeOf(p, 'principal', []); // it has never admitted the sender
  await peer.transport.serve(
    peerSubject(peer.ring.first, 'principal', 'identity'),
    { group: 'test', gate: new Gate() },
    ({ payload }) => takeIdentities(peer, payload),
  );
  const announcer = startAnnouncer(sender);
  const linesOf = ({ identity }: Member) =>
    rig.logged
      .map((line) => JSON.parse(line) as { level: string; peer?: Cid; code?: string; msg: string }) // our own logger's
      .filter((line) => line.peer === identity.cid && /refuses to hear|was not told/.test(line.msg))
      .map(({ level, code }) => [level, code].join(' '));
  await until(async () => [p, f2].every((one) => linesOf(one).length > 0));
  await announcer.stop();
  expect(new Set(linesOf(p))).toEqual(new Set(['error identity_not_admitted']));
  expect(new Set(linesOf(f2))).toEqual(new Set(['info service_unavailable']));
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 60_000; !(await holds()); await delay(50)) {
    if (Date.now() > limit) throw new Error(`not so after 60 s: ${String(holds)}`);
  }
}

test('a chain has at most twelve documents', async () => {
  let last = await member('long', 'principal');
  await node.admission.admit([last.identity.bytes]);
  const all: Member[] = [last];
  for (let at = 1; at < 12; at += 1) all.push((last = await successorOf(last)));
  await node.admission.learn(all.map(({ identity }) => identity).reverse());
  expect(node.admission.newestOf(last.identity.cid).cid).toBe(last.identity.cid);
  expect(node.admission.directory.lineageOf(last.identity.cid)).toHaveLength(12);
  const over = await successorOf(last);
  expect(await tell(members.p, [over.identity])).toBe('identity_invalid');
});
