import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { IdentityDirectory, revokeIdentity, type Identity } from '@dta/identity';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { Admission, migrateDatabase, openDatabase, openKeyRing, type Database, type KeyRing } from '../src/index.js';
import { refusal } from './refusal.js';
import { codeOf, member, successorOf as rotated, type Member } from './testing/index.js';

let fresh: FreshDatabase;
let database: Database;
let own: Member;
let ring: KeyRing;
let peer: Member;

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 3 });
  own = await member('own', 'fiduciary');
  ring = await openKeyRing([own.generation]);
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(async () => {
  for (const table of ['decisions', 'identities', 'revocations', 'early_revocations'])
    await database.query(`DELETE FROM ${table}`);
  peer = await member('peer', 'principal');
});

const open = () => Admission.open(database, ring);
/** What another replica was told is known a second later. */
const aSecond = () => new Promise((resolve) => setTimeout(resolve, 1_050));

const successorOf = async (owner: Member, now = Date.now()): Promise<Identity> =>
  (await rotated(owner, { now })).identity;

describe('the admission list', () => {
  test('has the node itself, and whom its operator admitted, also after a restart', async () => {
    const admission = await open();
    expect(await admission.isAdmitted(own.identity.cid)).toBe(true);
    expect(admission.isOwn(own.identity.cid)).toBe(true);
    expect(await codeOf(admission.assertAdmitted(peer.identity.cid))).toBe('identity_not_admitted');
    await admission.admit([peer.identity.bytes]);
    await admission.assertAdmitted(peer.identity.cid);
    const again = await open();
    expect(again.list().map(({ cid }) => cid)).toEqual([own.identity.cid, peer.identity.cid]);
    expect(again.isOwn(peer.identity.cid)).toBe(false);
  });

  test('is read for its operator without a key ring', async () => {
    await (await open()).admit([peer.identity.bytes]);
    const list = await Admission.read(database);
    expect(list.list().map(({ cid }) => cid)).toEqual([own.identity.cid, peer.identity.cid]);
    expect(list.isOwn(own.identity.cid)).toBe(false); // nothing says who it is
    expect(await codeOf(list.assertAdmitted((await member('stranger', 'principal')).identity.cid))).toBe(
      'identity_not_admitted',
    );
  });

  test('takes documents of one chain at a time', async () => {
    const admission = await open();
    const other = await member('other', 'principal');
    await expect(admission.admit([peer.identity.bytes, other.identity.bytes])).rejects.toThrow(
      refusal('identity_invalid', 'more than one chain'),
    );
    for (const { identity } of [peer, other]) expect(await admission.isAdmitted(identity.cid)).toBe(false);
  });

  test('writes documents oldest first, and two successors of one by their names, however they are given', async () => {
    const successors = [await rotated(peer), await rotated(peer)];
    const further = await Promise.all(successors.map((one) => rotated(one)));
    const byName = (members: readonly Member[]) =>
      members.map(({ identity }) => identity).sort((a, b) => (a.cid < b.cid ? -1 : 1));
    const chain = [peer.identity, ...byName(successors), ...byName(further)];
    for (const given of [chain, chain.toReversed()]) {
      await database.query('DELETE FROM identities');
      await (await open()).admit(given.map(({ bytes }) => bytes));
      const rows = await database.query<{ cid: string }>('SELECT cid FROM identities WHERE NOT own ORDER BY seq');
      expect(rows.map(({ cid }) => cid)).toEqual(chain.map(({ cid }) => cid));
    }
  });

  test('is of chains: a successor that rides along is admitted with its first document, and no stranger is', async () => {
    const admission = await open();
    await admission.admit([peer.identity.bytes]);
    const [successor, stranger] = [await successorOf(peer), await member('stranger', 'principal')];
    const directory = new IdentityDirectory({ below: admission.directory });
    directory.add([successor.bytes, stranger.identity.bytes]);
    expect(await admission.isAdmitted(successor.cid, directory)).toBe(true);
    expect(await admission.isAdmitted(stranger.identity.cid, directory)).toBe(false);
    expect(admission.directory.find(successor.cid)).toBeUndefined(); // checkable, not known
  });

  test('takes no document that does not verify, lacks its predecessor, or is dated ahead', async () => {
    const admission = await open();
    const { bytes } = peer.identity;
    const altered = bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
    await expect(admission.admit([altered])).rejects.toThrow(refusal('identity_invalid'));
    await expect(admission.admit([])).rejects.toThrow(refusal('identity_invalid'));
    const orphan = await successorOf(await member('other', 'principal'));
    for (const given of [[orphan], [peer.identity, orphan]])
      await expect(admission.admit(given.map((document) => document.bytes))).rejects.toThrow(
        refusal('identity_invalid', "give the chain's documents together"),
      );
    expect(await admission.isAdmitted(peer.identity.cid)).toBe(false);
    await admission.admit([bytes]);
    const future = await successorOf(peer, Date.now() + 150_000);
    await expect(admission.admit([future.bytes])).rejects.toThrow(refusal('time_ahead'));
    expect(admission.directory.find(future.cid)).toBeUndefined();
    expect(admission.newestOf(peer.identity.cid).cid).toBe(peer.identity.cid);
  });

  test('seals to the newest document', async () => {
    const admission = await open();
    await admission.admit([peer.identity.bytes]);
    const successor = await successorOf(peer);
    await admission.admit([successor.bytes]);
    expect(admission.newestOf(peer.identity.cid).cid).toBe(successor.cid);
    expect(admission.list().map(({ cid }) => cid)).toEqual([own.identity.cid, successor.cid]);
    expect((await open()).newestOf(peer.identity.cid).cid).toBe(successor.cid);
  });
});

test('a clock that was ahead for a moment: what was taken then is known, also where it is said again', async () => {
  const HOUR = 60 * 60_000;
  const [was, is] = [() => Date.now() + HOUR, () => Date.now() - HOUR];
  const ahead = await Admission.open(database, ring, { now: was });
  await ahead.admit([peer.identity.bytes]);
  const successor = await successorOf(peer, was());
  await ahead.admit([successor.bytes]);
  const later = await Admission.open(database, ring, { now: is }); // its own document, too, has a date to come
  expect(later.newestOf(peer.identity.cid).cid).toBe(successor.cid);
  expect((await later.admit([peer.identity.bytes, successor.bytes])).cid).toBe(successor.cid);
  const fresh = await successorOf(peer, was());
  await expect(later.admit([fresh.bytes])).rejects.toThrow(refusal('time_ahead'));
});

test('a clock that goes back an hour stops no replica from hearing of what another was told', async () => {
  const [one, other] = [await open(), await open()];
  await one.admit([peer.identity.bytes]);
  const wall = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 60 * 60_000);
  try {
    await aSecond();
    expect(await other.isAdmitted(peer.identity.cid)).toBe(true);
  } finally {
    wall.mockRestore();
  }
});

describe('what one replica was told, another knows a second later:', () => {
  test('admission, a successor, a revocation, although the chain is admitted there already', async () => {
    const [one, other] = [await open(), await open()];
    await one.admit([peer.identity.bytes]);
    await aSecond();
    expect(await other.isAdmitted(peer.identity.cid)).toBe(true);

    const successor = await successorOf(peer);
    await one.admit([successor.bytes]);
    await aSecond();
    await other.assertAdmitted(peer.identity.cid);
    expect(other.newestOf(peer.identity.cid).cid).toBe(successor.cid);

    const third = await member('third', 'principal');
    await one.admit([third.identity.bytes]);
    await aSecond();
    await other.assertAdmitted(third.identity.cid);
    const { bytes } = await revokeIdentity(third.identity.cid, 'stolen', third.key, Date.now());
    await one.revoke(bytes);
    await aSecond();
    await other.assertAdmitted(third.identity.cid);
    expect(other.directory.standingOf(third.identity.cid)).toBe('revoked');
    expect((await open()).directory.standingOf(third.identity.cid)).toBe('revoked');
  });
});

test('what two replicas were told at once is known to a third, whichever was written first', async () => {
  const [one, other, third] = [await open(), await open(), await open()];
  const second = await member('second', 'principal');
  // the first one's row has its number, and can't be seen yet
  const [gate, watch] = [
    await openDatabase({ url: fresh.url, poolSize: 1 }),
    await openDatabase({ url: fresh.url, poolSize: 1 }),
  ];
  const waiting = async () =>
    (
      await watch.query(`SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`)
    ).length;
  await gate.query('SELECT pg_advisory_lock(42)');
  await database.query(`CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$`);
  await database.query(`CREATE TRIGGER hold BEFORE INSERT ON identities FOR EACH ROW
    WHEN (NEW.cid = '${peer.identity.cid}') EXECUTE FUNCTION hold()`);
  await aSecond();
  try {
    const first = one.admit([peer.identity.bytes]);
    while ((await waiting()) < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    let written = false;
    const later = other.admit([second.identity.bytes]).finally(() => (written = true));
    while (!written && (await waiting()) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await third.isAdmitted(second.identity.cid)).toBe(written); // it has read once meanwhile
    await gate.query('SELECT pg_advisory_unlock(42)');
    await Promise.all([first, later]);
    await aSecond();
    expect(await third.isAdmitted(second.identity.cid)).toBe(true);
    expect(await third.isAdmitted(peer.identity.cid)).toBe(true);
  } finally {
    await database.query('DROP TRIGGER hold ON identities');
    await Promise.all([gate.close(), watch.close()]);
  }
});

test('a successor that came with a message waits for whoever writes another document', async () => {
  const [admission, gate] = [await open(), await openDatabase({ url: fresh.url, poolSize: 1 })];
  await admission.admit([peer.identity.bytes]);
  const successor = await successorOf(peer);
  const written = () => database.query('SELECT FROM identities WHERE cid = $1', [successor.cid]);
  const waiting = () =>
    database.query(`SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
      WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`);
  await gate.query("SELECT pg_advisory_lock(hashtext('dta identities'))");
  try {
    const learnt = admission.learn([successor]);
    while ((await waiting()).length + (await written()).length === 0) await new Promise((next) => setTimeout(next, 5));
    expect(await written()).toEqual([]);
    await gate.query("SELECT pg_advisory_unlock(hashtext('dta identities'))");
    await learnt;
    expect(await written()).toHaveLength(1);
  } finally {
    await gate.close();
  }
});

test('a chain that another replica was told is over stays so by that word', async () => {
  const one = await open();
  await one.admit([peer.identity.bytes]);
  const other = await open();
  const [first, second] = [
    await revokeIdentity(peer.identity.cid, 'stolen', peer.key, Date.now()),
    await revokeIdentity(peer.identity.cid, 'lost', peer.key, Date.now()),
  ];
  await one.revoke(first.bytes);
  await other.revoke(second.bytes);
  const ahead = await revokeIdentity(peer.identity.cid, 'lost', peer.key, Date.now() + 600_000);
  await one.revoke(ahead.bytes); // says nothing new
  for (const admission of [one, other, await open()])
    expect(await admission.revocationOf(peer.identity.cid)).toEqual(first.bytes);
});

test('a revocation is of the chain itself, and not dated ahead', async () => {
  const admission = await open();
  await admission.admit([peer.identity.bytes]);
  const thief = await member('thief', 'principal');
  const forged = await revokeIdentity(peer.identity.cid, 'mine now', thief.key, Date.now());
  await expect(admission.revoke(forged.bytes)).rejects.toThrow(refusal('signature_invalid'));
  const stranger = await member('stranger', 'principal');
  for (const { identity, key } of [peer, stranger]) {
    const ahead = await revokeIdentity(identity.cid, 'soon', key, Date.now() + 150_000);
    await expect(admission.revoke(ahead.bytes)).rejects.toThrow(refusal('time_ahead'));
  }
  expect(admission.directory.standingOf(peer.identity.cid)).toBe('sound');
  for (const table of ['revocations', 'early_revocations'])
    expect(await database.query(`SELECT FROM ${table}`)).toEqual([]);
});

describe('a key ring', () => {
  test('is one chain, of documents and keys that belong together', async () => {
    const other = await member('other', 'fiduciary');
    await expect(openKeyRing([])).rejects.toThrow(refusal('key_file_invalid'));
    await expect(openKeyRing([own.generation, other.generation])).rejects.toThrow(refusal('key_file_invalid'));
    await expect(openKeyRing([{ ...own.generation, kemSeed: other.generation.kemSeed }])).rejects.toThrow(
      refusal('key_file_invalid'),
    );
    await expect(openKeyRing([{ ...own.generation, signSeed: other.generation.signSeed }])).rejects.toThrow(
      refusal('key_file_invalid'),
    );
    await expect(openKeyRing([{ ...own.generation, signSeed: null }])).rejects.toThrow(refusal('key_file_invalid'));
  });
});
