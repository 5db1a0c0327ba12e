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
    await expect(admission.admit([(await successorOf(peer)).bytes])).rejects.toThrow(refusal('identity_invalid'));
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
    expect(admission.list().map(({ cid }) => cid)).toContain(successor.cid);
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

test('a revocation is of the chain itself', async () => {
  const admission = await open();
  await admission.admit([peer.identity.bytes]);
  const thief = await member('thief', 'principal');
  const forged = await revokeIdentity(peer.identity.cid, 'mine now', thief.key, Date.now());
  await expect(admission.revoke(forged.bytes)).rejects.toThrow(refusal('signature_invalid'));
  expect(admission.directory.standingOf(peer.identity.cid)).toBe('sound');
  expect(await database.query('SELECT FROM revocations')).toEqual([]);
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
