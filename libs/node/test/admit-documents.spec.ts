import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { decideFork, drawKey, revokeIdentity } from '@dta/identity';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { admitGiven } from '../src/admit-documents.js';
import { AdmittedFolder } from '../src/admitted-folder.js';
import { Admission, migrateDatabase, openDatabase, openKeyRing, type Database, type KeyRing } from '../src/index.js';
import { refusal } from './refusal.js';
import { member, memberWithRecovery, successorOf, type Member } from './testing/index.js';

// What an operator gives of chains, by call and by folder: nothing is lost or final by the order of files.

let fresh: FreshDatabase;
let database: Database;
let ring: KeyRing;
let recovery: ReturnType<typeof drawKey>;
/** a chain, and what a thief of the first two generations' keys adds to it */
let first: Member;
let second: Member;
let third: Member;
let rival: Member;
let rivalsNext: Member;
let stranger: Member;
let admission: Admission;
let folder: string;
let told: { sentence: string; file?: string; code?: string }[];

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 5 });
  ring = await openKeyRing([(await member('own', 'fiduciary')).generation]);
  recovery = drawKey();
  first = await memberWithRecovery(recovery.key.publicKey, 'peer', 'principal');
  [second, rival] = [await successorOf(first), await successorOf(first)];
  [third, rivalsNext] = [await successorOf(second), await successorOf(rival)];
  stranger = await member('stranger', 'principal');
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(async () => {
  await startAfresh();
  folder = await mkdtemp(join(tmpdir(), 'dta-admitted-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function startAfresh(): Promise<void> {
  told = [];
  for (const table of ['decisions', 'identities', 'revocations', 'early_revocations'])
    await database.query(`DELETE FROM ${table}`);
  admission = await Admission.open(database, ring);
}

const tell = (fields: object, sentence: string) => told.push({ ...fields, sentence });
const opened = () => new AdmittedFolder(admission, folder, { log: { error: tell, info: tell } });
const read = () => opened().take();
const changed = 'what stands in the folder of admitted identities now can not be admitted';
const bytesOf = (...members: Member[]) => members.map(({ identity }) => identity.bytes);
const view = () => {
  const standing = admission.directory.standingOf(first.identity.cid);
  return standing === 'sound' ? admission.newestOf(first.identity.cid).cid : standing;
};
const revokedBy = async ({ key }: Pick<Member, 'key'>, named: Member) =>
  (await revokeIdentity(named.identity.cid, 'over', key, Date.now())).bytes;
const decidedFor = async (kept: Member, key = recovery.key, now = Date.now()) =>
  (await decideFork(kept.identity.cid, 'ours', key, now)).bytes;

/** Names files so that they are read in the order of the list. */
async function fill(files: readonly Uint8Array[]): Promise<void> {
  await rm(folder, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'dta-admitted-'));
  for (const [at, bytes] of files.entries()) await writeFile(join(folder, String(100 + at)), bytes);
}

/** Each of them first once, forwards and backwards. */
function ordersOf<T>(all: readonly T[]): T[][] {
  const turned = all.map((_, at) => [...all.slice(at), ...all.slice(0, at)]);
  return [...turned, ...turned.map((order) => order.toReversed())];
}

const ways: [string, (files: readonly Uint8Array[]) => Promise<unknown>][] = [
  ['by a folder', async (files) => (await fill(files), read())],
  ['in one call', (files) => admitGiven(admission, files)],
];

describe.each(ways)('a chain that is admitted %s, in whatever order', (_, admit) => {
  test('is not ended by a retired key, though its Revocation came before', async () => {
    const early = [await revokedBy(first, first), await revokedBy(second, second)];
    for (const files of ordersOf(bytesOf(first, second, third))) {
      await startAfresh();
      for (const revocation of early) await admission.revoke(revocation, stranger.identity.cid);
      await admit(files);
      expect(view()).toBe(third.identity.cid);
    }
  });

  test('is ended by its newest key, whose Revocation came before or stands beside the documents', async () => {
    const revocation = await revokedBy(third, third);
    for (const files of ordersOf([...bytesOf(first, second, third), revocation])) {
      await startAfresh();
      await admit(files);
      expect(view()).toBe('revoked');
    }
    await startAfresh();
    await admission.revoke(revocation, stranger.identity.cid);
    await admit(bytesOf(third, first, second));
    expect(view()).toBe('revoked');
  });

  test('is frozen where two successors of one document are given, and ended by no key that may be retired', async () => {
    const early = await revokedBy(second, second);
    const documents = bytesOf(second, rival, rivalsNext);
    for (const files of ordersOf(documents)) {
      await startAfresh();
      for (const by of [early, await revokedBy(rival, rival)]) await admission.revoke(by, stranger.identity.cid);
      await admit([...files, ...bytesOf(first)]);
      expect(view()).toBe('frozen');
    }
  });

  test('goes on with the document that a Decision beside them names', async () => {
    const decision = await decidedFor(second);
    const early = await revokedBy(rivalsNext, rivalsNext);
    for (const files of ordersOf([decision, ...bytesOf(second, rival, rivalsNext)])) {
      await startAfresh();
      await admission.revoke(early, stranger.identity.cid);
      await admit([...files, ...bytesOf(third, first)]);
      expect(view()).toBe(third.identity.cid);
    }
  });

  test('may be said again', async () => {
    const files = [...bytesOf(first, rival, second, third), await decidedFor(second), await revokedBy(third, first)];
    const rows = () => database.query('SELECT seq FROM identities UNION SELECT seq FROM decisions ORDER BY seq');
    await admit(files);
    const before = await rows();
    await admit(files);
    expect([view(), await rows()]).toEqual(['revoked', before]);
  });
});

describe('one call', () => {
  test('is of one chain, whole, and answers with its newest document', async () => {
    expect(await admitGiven(admission, bytesOf(second, first))).toBe(second.identity.cid);
    await expect(admitGiven(admission, bytesOf(third, stranger))).rejects.toThrow(
      refusal('identity_invalid', 'more than one chain'),
    );
    await startAfresh();
    await expect(admitGiven(admission, bytesOf(first, third))).rejects.toThrow(
      refusal('identity_invalid', `the predecessor of ${third.identity.cid} is missing`),
    );
    await expect(admitGiven(admission, [])).rejects.toThrow(refusal('identity_invalid'));
    expect(admission.list().map(({ name }) => name)).toEqual(['own']);
  });

  test('answers with what an end alone names, and refuses one that says nothing', async () => {
    await admission.admit(bytesOf(first, rival, second));
    expect(await admitGiven(admission, [await decidedFor(second)])).toBe(second.identity.cid);
    await expect(admitGiven(admission, [await revokedBy(first, first)])).rejects.toThrow(refusal('signature_invalid'));
    expect(await admitGiven(admission, [await revokedBy(recovery, rival)])).toBe(rival.identity.cid);
    expect(view()).toBe('revoked');
  });
});

describe('a folder, while a node runs', () => {
  const chains = () =>
    admission
      .list()
      .map(({ name }) => name)
      .sort();
  const alarms = () => told.filter(({ sentence }) => sentence === changed).map(({ code }) => code);
  /** As often as it takes to see that the folder stands still, and once more. */
  const look = async (kept: AdmittedFolder) => {
    for (let times = 0; times < 3; times++) await kept.takeAgain();
  };

  test('is taken anew when another document stands in it, and what is taken out of it stays admitted', async () => {
    await fill(bytesOf(stranger));
    const kept = opened();
    await kept.take();
    expect(chains()).toEqual(['own', 'stranger']);
    await writeFile(join(folder, '101'), first.identity.bytes);
    await rm(join(folder, '100'));
    await look(kept);
    expect(chains()).toEqual(['own', 'peer', 'stranger']);
    expect(alarms()).toEqual([]);
  });

  test('is not taken while it is being filled: of half a chain the older document would be the live one', async () => {
    await fill([]);
    const kept = opened();
    await kept.take();
    for (const [at, bytes] of bytesOf(first, second).entries()) {
      await writeFile(join(folder, String(at)), bytes);
      await kept.takeAgain();
      expect(chains()).toEqual(['own']);
    }
    await kept.takeAgain();
    expect(view()).toBe(second.identity.cid);
  });

  test('is read through again only when it is other than before: a Revocation that says nothing is told of once', async () => {
    await admission.admit(bytesOf(first, second));
    await fill([...bytesOf(first, second), await revokedBy(first, first)]);
    const kept = opened();
    await kept.take();
    await look(kept);
    expect(told.filter(({ code }) => code === 'signature_invalid')).toHaveLength(1);
  });

  test('has a Decision taken once its chain is admitted elsewhere, and told of once until then', async () => {
    await fill([await decidedFor(second)]);
    const kept = opened();
    await kept.take();
    await look(kept);
    expect(told.map(({ code }) => code)).toEqual(['identity_not_found']);
    await admission.admit(bytesOf(first, second, rival));
    expect(view()).toBe('frozen');
    await look(kept);
    expect(view()).toBe(second.identity.cid);
  });

  test('in which a bad file or nothing stands is told of each time, once, and taken when that is mended', async () => {
    await fill(bytesOf(stranger));
    const kept = opened();
    await kept.take();
    for (let times = 1; times <= 2; times++) {
      await writeFile(join(folder, '101'), 'none');
      await look(kept);
      expect(alarms()).toEqual(Array(times).fill('start_failed'));
      await rm(join(folder, '101'));
      await look(kept);
    }
    await writeFile(join(folder, '102'), first.identity.bytes);
    await look(kept);
    expect(chains()).toEqual(['own', 'peer', 'stranger']);
    await rm(folder, { recursive: true });
    await look(kept);
    expect(alarms()).toHaveLength(3);
    await mkdir(folder);
    await writeFile(join(folder, '100'), stranger.identity.bytes);
    await writeFile(join(folder, '102'), first.identity.bytes); // as it was before
    await look(kept);
    await rm(folder, { recursive: true });
    await look(kept);
    expect(alarms()).toHaveLength(4);
    await mkdir(folder);
  });

  test('in which something stands that is no small file is told of, and nothing of that is read', async () => {
    await fill(bytesOf(stranger));
    const kept = opened();
    await kept.take();
    await promisify(execFile)('mkfifo', [join(folder, '101')]);
    await look(kept); // to read it would never end
    await rm(join(folder, '101'));
    await writeFile(join(folder, '102'), '');
    await truncate(join(folder, '102'), 2 ** 40);
    await look(kept);
    expect(alarms()).toEqual(['start_failed', 'start_failed']);
  });
});

describe('a folder', () => {
  const codesOf = () =>
    told.filter(({ file }) => file !== undefined).map(({ file, code }) => `${String(file)} ${String(code)}`);

  test('with Revocations and Decisions that say nothing is read, and each is told of by name', async () => {
    await admission.admit(bytesOf(first, second, third));
    await fill([
      await revokedBy(first, first), // good until the second document was learnt
      ...bytesOf(stranger, first),
      await decidedFor(third, second.key),
      await decidedFor(rival),
    ]);
    await read();
    expect(codesOf().sort()).toEqual(['100 signature_invalid', '103 signature_invalid', '104 identity_not_found']);
    expect(view()).toBe(third.identity.cid);
    expect(await admission.isAdmitted(stranger.identity.cid)).toBe(true);
  });

  test('with files that are no documents, do not verify or are dated ahead is refused whole, with code and sentence of each', async () => {
    const late = await successorOf(first, { now: Date.now() + 600_000 });
    const forged = await successorOf(first, { withoutNextKey: true });
    await fill([...bytesOf(stranger, late, first, third, forged), Buffer.from('none')]);
    const refused = read().catch((error: unknown) => error);
    expect(await refused).toMatchObject({ code: 'start_failed', cause: { code: 'time_ahead' } });
    const sentences = [
      /101 \(time_ahead: a document is dated more than 120 s ahead\)/,
      /103 \(identity_invalid: the predecessor .*\)/,
      /104 \(identity_invalid: .*\)/,
      /105 \((non_canonical|identity_invalid): .*\)$/,
    ];
    for (const sentence of sentences)
      await expect(refused).resolves.toHaveProperty('message', expect.stringMatching(sentence));
    expect(admission.list().map(({ name }) => name)).toEqual(['own']);
  });

  test('with a Revocation or a Decision that is dated ahead is refused: it will say something', async () => {
    const ahead = Date.now() + 600_000;
    for (const end of [
      await decidedFor(second, recovery.key, ahead),
      (await revokeIdentity(first.identity.cid, 'over', first.key, ahead)).bytes,
    ]) {
      await fill([...bytesOf(first, second), end]);
      await expect(read()).rejects.toThrow(refusal('start_failed', '102 (time_ahead'));
    }
    expect(codesOf()).toEqual([]);
  });
});

test('a Revocation that waited counts once the operator has decided a fork for its key', async () => {
  await admission.revoke(await revokedBy(second, second), stranger.identity.cid);
  await admission.admit(bytesOf(first, second, rival));
  expect(view()).toBe('frozen');
  const document: Cid = second.identity.cid;
  await admission.follow(document);
  expect(view()).toBe('revoked');
});
