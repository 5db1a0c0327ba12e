import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import {
  decideFork,
  decisionStatement,
  drawKey,
  IdentityDirectory,
  parseStatement,
  revokeIdentity,
} from '@dta/identity';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { EARLY_REVOCATIONS_MAX } from '../src/chain-rows.js';
import { Admission, migrateDatabase, openDatabase, openKeyRing, type Database, type KeyRing } from '../src/index.js';
import { refusal } from './refusal.js';
import { codeOf, member, memberWithRecovery, successorOf, type Member } from './testing/index.js';

// What a node goes by when a chain forks, and what its rows are worth: retired and live keys in a thief's hands.

let fresh: FreshDatabase;
let database: Database;
let ring: KeyRing;
let recovery: ReturnType<typeof drawKey>;
/** a peer's documents, and those of a thief that had all keys of the generation before */
let first: Member;
let second: Member;
let third: Member;
let rivalOfSecond: Member;
let rivalOfThird: Member;
let told: { sentence: string; identity?: Cid; kind?: string }[];

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 5 });
  ring = await openKeyRing([(await member('own', 'fiduciary')).generation]);
  recovery = drawKey();
  first = await memberWithRecovery(recovery.key.publicKey, 'peer', 'principal');
  [second, rivalOfSecond] = [await successorOf(first), await successorOf(first)];
  [third, rivalOfThird] = [await successorOf(second), await successorOf(second)];
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(async () => {
  told = [];
  for (const table of ['decisions', 'identities', 'revocations', 'early_revocations'])
    await database.query(`DELETE FROM ${table}`);
});

const tell = (fields: object, sentence: string) => told.push({ ...fields, sentence });
const open = () => Admission.open(database, ring, { log: { error: tell, info: tell } });
const bytesOf = (...members: Member[]) => members.map(({ identity }) => identity.bytes);

/** A node that has learnt of these, one after the other. */
async function knowing(...members: Member[]): Promise<Admission> {
  const admission = await open();
  await admission.admit([first.identity.bytes]);
  for (const { identity } of members) await admission.learn([identity]);
  return admission;
}

const standing = (admission: Admission) => admission.directory.standingOf(first.identity.cid);
const newest = (admission: Admission) => admission.newestOf(first.identity.cid).cid;
const stored = async () => (await database.query('SELECT FROM identities WHERE NOT own')).length;
const revokedBy = async ({ key }: Pick<Member, 'key'>, named = first) =>
  (await revokeIdentity(named.identity.cid, 'over', key, Date.now())).bytes;
const decidedFor = async (kept: Member, key = recovery.key) =>
  (await decideFork(kept.identity.cid, 'ours', key, Date.now())).bytes;

/** Waits until a node, which looks into its database once a second, has heard of something. */
async function heard(admission: Admission, holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 30_000; !holds(); await delay(20)) {
    await admission.isAdmitted(first.identity.cid);
    if (Date.now() > limit) throw new Error('not heard after 30 s');
  }
}

describe('a thief of a retired key', () => {
  test('makes no successor with it, told or admitted', async () => {
    const admission = await knowing(second, third);
    const forged = await successorOf(first, { withoutNextKey: true });
    await expect(admission.learn([forged.identity])).rejects.toThrow(refusal('identity_invalid'));
    await expect(admission.admit(bytesOf(forged))).rejects.toThrow(refusal('identity_invalid'));
    expect([standing(admission), newest(admission), await stored()]).toEqual(['sound', third.identity.cid, 3]);
  });

  test('and of the one after it too: neither freezes the chain nor has anything sealed to itself, after a restart either', async () => {
    const admission = await knowing(second, third, rivalOfSecond);
    for (const node of [admission, await open()]) {
      expect([standing(node), newest(node)]).toEqual(['sound', third.identity.cid]);
      expect(node.lines().flatMap(({ forks }) => forks.map(({ cid }) => cid))).toEqual([rivalOfSecond.identity.cid]);
    }
    const alarms = told.filter(({ identity }) => identity === rivalOfSecond.identity.cid);
    expect(alarms.map(({ sentence }) => sentence)).toEqual(Array(2).fill(expect.stringMatching(/retired keys/)));
  });

  test('fills no rows: one successor more of a document is evidence enough, and what follows that none', async () => {
    const admission = await knowing(second, third, rivalOfSecond, await successorOf(first));
    await admission.learn([(await successorOf(rivalOfSecond)).identity]);
    expect(await stored()).toBe(4);
    const fourth = await successorOf(third);
    await admission.learn([fourth.identity]);
    expect(newest(admission)).toBe(fourth.identity.cid);
    expect(told.map(({ identity }) => identity)).toEqual([rivalOfSecond.identity.cid]); // the alarm is of no other
  });

  test('revokes nothing, with a fork or without one', async () => {
    const admission = await knowing(second, third);
    for (const by of [first, second]) {
      for (const named of [by, third])
        await expect(admission.revoke(await revokedBy(by, named))).rejects.toThrow(refusal('signature_invalid'));
    }
    await admission.learn([rivalOfSecond.identity]);
    for (const by of [first, rivalOfSecond])
      await expect(admission.revoke(await revokedBy(by, by))).rejects.toThrow(/./);
    expect([standing(admission), standing(await open())]).toEqual(['sound', 'sound']);
  });
});

describe('a thief of the live key and the next', () => {
  test('freezes the chain, and nothing is sealed to either of the two, nor to a document before them', async () => {
    const admission = await knowing(second, third, rivalOfThird);
    for (const node of [admission, await open()]) {
      expect(standing(node)).toBe('frozen');
      for (const { identity } of [first, second, third, rivalOfThird])
        expect(() => node.newestOf(identity.cid)).toThrow(refusal('identity_frozen'));
    }
    expect(told.filter(({ sentence }) => sentence.includes('frozen'))).toHaveLength(2);
    await admission.learn([(await successorOf(rivalOfThird)).identity, (await successorOf(third)).identity]);
    expect(await stored()).toBe(4); // who is frozen has no more to say
  });

  test('is first at some nodes and second at others: the recovery key decides for all', async () => {
    const thiefsNext = await successorOf(rivalOfSecond);
    const decision = await decidedFor(second);
    const orders = [
      [second, rivalOfSecond],
      [rivalOfSecond, second],
      [second, third, rivalOfSecond],
      [rivalOfSecond, thiefsNext, second],
      [rivalOfSecond, await successorOf(first), second], // a third one, which wasn't noted
    ];
    for (const order of orders) {
      await database.query('DELETE FROM decisions');
      await database.query('DELETE FROM identities');
      const admission = await knowing(...order);
      const heard = admission.directory.find(second.identity.cid) === undefined ? bytesOf(second) : [];
      if (heard.length > 0) await admission.admit(heard);
      for (let times = 0; times < 2; times += 1) await admission.decide(decision);
      await admission.learn([third.identity]);
      for (const node of [admission, await open()])
        expect([standing(node), newest(node)]).toEqual(['sound', third.identity.cid]);
      expect(await database.query('SELECT FROM decisions')).toHaveLength(1);
    }
  });
});

describe('a decision', () => {
  test('is by the recovery key, of a chain that is admitted, and said once', async () => {
    const admission = await knowing(second, rivalOfSecond);
    for (const { key } of [first, second])
      await expect(admission.decide(await decidedFor(second, key))).rejects.toThrow(refusal('signature_invalid'));
    const stranger = await member('stranger', 'principal');
    await expect(admission.decide(await decidedFor(stranger))).rejects.toThrow(refusal('identity_not_found'));
    const directory = new IdentityDirectory({ below: admission.directory });
    directory.add(bytesOf(stranger)); // as it rides along
    const ofStranger = parseStatement([decisionStatement], await decidedFor(stranger));
    await expect(admission.judge(ofStranger, directory)).rejects.toThrow(refusal('identity_not_admitted'));
    await admission.decide(await decidedFor(second));
    await expect(admission.decide(await decidedFor(rivalOfSecond))).rejects.toThrow(refusal('identity_invalid'));
    expect(newest(admission)).toBe(second.identity.cid);
  });

  test('by the operator ends a freeze at its own node, also after a restart, and yields to the recovery key', async () => {
    const admission = await knowing(second, rivalOfSecond);
    const other = await open();
    await admission.follow(second.identity.cid);
    expect(told.at(-1)).toMatchObject({ identity: second.identity.cid, sentence: 'a fork of a chain was decided' });
    for (const node of [admission, await open()])
      expect([standing(node), newest(node)]).toEqual(['sound', second.identity.cid]);
    await heard(other, () => standing(other) === 'sound' && newest(other) === second.identity.cid);
    await admission.follow(rivalOfSecond.identity.cid);
    await admission.follow(second.identity.cid);
    await admission.decide(await decidedFor(rivalOfSecond));
    await expect(admission.follow(second.identity.cid)).rejects.toThrow(refusal('identity_invalid'));
    expect(newest(await open())).toBe(rivalOfSecond.identity.cid);
    await expect(admission.follow((await member('stranger', 'principal')).identity.cid)).rejects.toThrow(
      refusal('identity_not_found'),
    );
  });
});

test('documents that are known, or of no admitted chain, cost no write', async () => {
  const admission = await knowing(second);
  const transaction = jest.spyOn(database, 'transaction');
  try {
    await admission.learn([first, second, await member('stranger', 'principal')].map(({ identity }) => identity));
    expect(transaction).not.toHaveBeenCalled();
    await admission.learn([third.identity]);
    expect(transaction).toHaveBeenCalledTimes(1);
  } finally {
    transaction.mockRestore();
  }
});

test('two replicas that learn in another order go by the same line', async () => {
  const [one, other] = [await knowing(), await open()];
  await Promise.all([one.learn([second.identity]), other.learn([rivalOfSecond.identity])]);
  await Promise.all([
    one.learn([third.identity]),
    other.learn([await successorOf(rivalOfSecond)].map((next) => next.identity)),
  ]);
  const later = await open();
  const view = (node: Admission) =>
    [standing(node), ...node.directory.chainOf(first.identity.cid).map(({ cid }) => cid)].join(' ');
  for (const node of [one, other]) await heard(node, () => view(node) === view(later));
  expect(await stored()).toBeGreaterThan(2);
});

describe('a Revocation', () => {
  test('that came before its chain was admitted counts when it is', async () => {
    const admission = await open();
    await admission.revoke(await revokedBy(first));
    await admission.admit(bytesOf(first));
    for (const node of [admission, await open()]) expect(standing(node)).toBe('revoked');
  });

  test('by the recovery key or by the newest one, whichever document it names', async () => {
    for (const revocation of [await revokedBy(recovery), await revokedBy(third, second)]) {
      await database.query('DELETE FROM identities');
      await database.query('DELETE FROM revocations');
      const admission = await open();
      await admission.revoke(revocation);
      await admission.admit(bytesOf(first, second, third));
      expect(standing(admission)).toBe('revoked');
    }
  });

  test('by a retired or another key counts for nothing then, and stands in no other’s way', async () => {
    const admission = await open();
    for (const by of [first, second, await member('thief', 'principal')]) await admission.revoke(await revokedBy(by));
    await admission.admit(bytesOf(first, second, third));
    expect(standing(admission)).toBe('sound');
    await admission.revoke(await revokedBy(third));
    expect(standing(admission)).toBe('revoked');
  });

  test('by the newest key counts, whatever came before it by others', async () => {
    const admission = await open();
    for (const by of [first, await member('thief', 'principal'), third]) await admission.revoke(await revokedBy(by));
    await admission.admit(bytesOf(first, second, third));
    expect(standing(admission)).toBe('revoked');
  });

  test('by the recovery key may name any document of the chain that is known, evidence too', async () => {
    const thiefsNext = await successorOf(rivalOfSecond);
    for (const named of [second, rivalOfSecond, thiefsNext, first]) {
      for (const table of ['identities', 'revocations']) await database.query(`DELETE FROM ${table}`);
      const admission = await knowing(rivalOfSecond, thiefsNext, second);
      await admission.revoke(await revokedBy(recovery, named));
      for (const node of [admission, await open()]) expect(standing(node)).toBe('revoked');
    }
  });

  test('that came before its chain, by the recovery key, counts whichever document it names', async () => {
    const admission = await open();
    await admission.revoke(await revokedBy(recovery, second));
    await admission.admit(bytesOf(first));
    for (const { identity } of [rivalOfSecond, await successorOf(rivalOfSecond)]) await admission.learn([identity]);
    expect(standing(admission)).toBe('sound'); // nothing says yet that it is of this chain
    await admission.learn([second.identity]);
    expect(standing(admission)).toBe('revoked');
  });

  test('of a document that is heard of later counts then', async () => {
    const admission = await knowing();
    await admission.revoke(await revokedBy(second, second));
    expect(standing(admission)).toBe('sound');
    await admission.learn([second.identity]);
    expect(standing(admission)).toBe('revoked');
  });

  test('that is by the newest key of a frozen chain counts once the operator has it go on', async () => {
    const admission = await knowing();
    await admission.revoke(await revokedBy(second, second));
    await admission.admit(bytesOf(second, rivalOfSecond));
    expect(standing(admission)).toBe('frozen');
    await admission.follow(second.identity.cid);
    for (const node of [admission, await open()]) expect(standing(node)).toBe('revoked');
  });

  test('that is told of chains that are not admitted takes a bounded place, of each teller its own', async () => {
    const admission = await open();
    const [teller, flooder] = [first.identity.cid, second.identity.cid];
    const late = await member('late', 'principal');
    const revocation = await revokedBy(late, late);
    await admission.revoke(revocation, flooder);
    await admission.revoke(revocation, teller);
    for (let count = 0; count <= EARLY_REVOCATIONS_MAX; count += 1)
      await admission.revoke(await revokedBy(third, third), flooder);
    const kept = await database.query<{ teller: Cid }>('SELECT teller FROM early_revocations');
    expect(kept.filter((row) => row.teller === flooder)).toHaveLength(EARLY_REVOCATIONS_MAX);
    await admission.admit(bytesOf(late));
    expect(admission.directory.standingOf(late.identity.cid)).toBe('revoked');
  });

  test('in a row is verified again: who writes the database ends no chain', async () => {
    const admission = await knowing(second, third);
    const rows = [
      Buffer.from('garbage'),
      await revokedBy(first),
      await revokedBy(second, second),
      await revokedBy(await member('x', 'principal')),
    ];
    for (const bytes of rows) {
      await database.query('DELETE FROM revocations');
      const insert = 'INSERT INTO revocations (first, bytes) VALUES ($1, $2)';
      await database.query(insert, [first.identity.cid, Buffer.from(bytes)]);
      const node = await open();
      expect([standing(node), await node.revocationOf(first.identity.cid)]).toEqual(['sound', null]);
      expect(told.at(-1)).toMatchObject({ kind: 'revocation', sentence: expect.stringMatching(/does not verify/) });
    }
    const lastTold = told.length;
    await heard(admission, () => told.length > lastTold);
    expect(standing(admission)).toBe('sound');
    await admission.revoke(await revokedBy(third)); // the row is in nobody's way
    expect([standing(admission), standing(await open())]).toEqual(['revoked', 'revoked']);
  });

  test('is the end: no successor takes it back', async () => {
    const admission = await knowing();
    await admission.revoke(await revokedBy(first));
    await admission.learn([second.identity]);
    await admission.admit(bytesOf(second));
    for (const node of [admission, await open()]) expect(standing(node)).toBe('revoked');
  });

  test('stays the one that ended the chain, whatever came before it of documents that are heard of later', async () => {
    const admission = await knowing();
    await admission.revoke(await revokedBy(recovery, second));
    const word = await revokedBy(first);
    await admission.revoke(word);
    await admission.admit(bytesOf(second));
    expect(await admission.revocationOf(first.identity.cid)).toEqual(word);
  });
});

test('a decision in a row is verified again, and a document that is none is left out', async () => {
  await knowing(second, rivalOfSecond);
  const decision = 'INSERT INTO decisions (first, document, bytes) VALUES ($1, $2, $3)';
  for (const bytes of [await decidedFor(second, first.key), await decidedFor(rivalOfSecond), Buffer.from('x')])
    await database.query(decision, [first.identity.cid, second.identity.cid, Buffer.from(bytes)]);
  const document = 'INSERT INTO identities (cid, first, bytes, own) VALUES ($1, $2, $3, false)';
  const forged = await successorOf(first, { withoutNextKey: true });
  await database.query(document, [forged.identity.cid, first.identity.cid, Buffer.from(forged.identity.bytes)]);
  await database.query(document, ['x', first.identity.cid, Buffer.from('x')]);
  told = [];
  const admission = await open();
  expect(standing(admission)).toBe('frozen');
  expect(admission.directory.find(forged.identity.cid)).toBeUndefined();
  expect(told.filter(({ sentence }) => sentence.includes('does not verify'))).toHaveLength(5);
  expect(await codeOf(admission.assertAdmitted(first.identity.cid))).toBe('answered');
});
