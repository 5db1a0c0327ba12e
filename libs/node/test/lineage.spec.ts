import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, IdentityDirectory, rotateIdentity, softwareSigningKey, type Identity } from '@dta/identity';
import { known } from '@dta/order/testing';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { Admission, migrateDatabase, openDatabase, openKeyRing, type Database } from '../src/index.js';
import { addLineage } from '../src/lineage.js';
import { addRiding } from '../src/riding-documents.js';
import { refusal } from './refusal.js';
import { member, successorOf, type Member, type SuccessorOptions } from './testing/index.js';

let fresh: FreshDatabase;
let database: Database;
let admission: Admission;
let peer: Member;
let directory: IdentityDirectory;
/** documents that were verified */
let read = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 3 });
  admission = await Admission.open(database, await openKeyRing([(await member('own', 'fiduciary')).generation]));
  peer = await member('peer', 'principal');
  await admission.admit([peer.identity.bytes]);
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(() => {
  read = 0;
  const { reader } = admission.directory;
  directory = new IdentityDirectory({ below: admission.directory, read: (bytes) => (read++, reader(bytes)) });
});

const newKey = () => softwareSigningKey(randomBytes(32));

/** The chain of `first` with `length` documents more. */
async function chainOf(first: Member, length: number, options: SuccessorOptions = {}): Promise<Identity[]> {
  const chain = [first];
  for (let last = first; chain.length <= length;) chain.push((last = await successorOf(last, options)));
  return chain.map(({ identity }) => identity);
}

const lineage = (chain: readonly Identity[]) =>
  addLineage(
    directory,
    admission,
    chain.at(-1)?.cid ?? peer.identity.cid,
    chain.map(({ bytes }) => bytes),
    Date.now(),
  );

describe('who sends a message with a chain of documents', () => {
  test('is known by them, where its chain is admitted and each signed the next', async () => {
    const chain = await chainOf(peer, 3);
    await lineage(chain);
    expect(read).toBe(3); // the first is known
    expect(directory.firstOf(chain.at(-1)?.cid ?? peer.identity.cid)).toBe(peer.identity.cid);
    expect(admission.directory.find(chain.at(-1)?.cid ?? peer.identity.cid)).toBeUndefined();
  });

  test('costs no signature check while it is not admitted, however long the chain', async () => {
    const stranger = await member('stranger', 'principal');
    const chain = await chainOf(stranger, 20);
    await expect(lineage(chain)).rejects.toThrow(refusal('identity_not_admitted'));
    expect(read).toBe(0);
  });

  test('costs none where it only claims to follow one that is admitted', async () => {
    for (const chain of [
      await chainOf({ ...peer, key: newKey() }, 20),
      await chainOf(peer, 1, { withoutNextKey: true }),
    ]) {
      await expect(lineage(chain)).rejects.toThrow(refusal('identity_invalid'));
      expect(read).toBe(0);
    }
  });

  test('is refused for a document that is missing, dated ahead or none', async () => {
    const chain = await chainOf(peer, 2);
    await expect(lineage(chain.slice(2))).rejects.toThrow(refusal('identity_not_found'));
    const ahead = await chainOf(peer, 1, { now: Date.now() + 150_000 });
    await expect(lineage(ahead)).rejects.toThrow(refusal('time_ahead'));
    const altered = { ...peer.identity, ...(await member('none', 'principal')).identity, bytes: randomBytes(64) };
    await expect(lineage([altered])).rejects.toThrow(refusal('identity_not_found'));
    const bytes = randomBytes(64);
    await expect(lineage([{ ...peer.identity, bytes, cid: cidOf(bytes) }])).rejects.toThrow(refusal('non_canonical'));
  });

  test('is refused for a document after one that committed to no key', async () => {
    const [{ publicKey: kem }, key, nextKey] = [await kemKeyPair(), newKey(), newKey()];
    const said = { name: 'last', roles: ['principal' as const], kem, now: Date.now() };
    const last = await createIdentity(said, key);
    await admission.admit([last.bytes]);
    const after = await rotateIdentity(last, said, nextKey, key);
    await expect(lineage([last, after])).rejects.toThrow(refusal('identity_invalid', 'another key'));
    expect(read).toBe(0);
  });
});

describe('of documents that ride along with a message of an order', () => {
  const ride = (chains: readonly (readonly Identity[])[], named: readonly Identity[]) => {
    const documents = chains.flat().map(({ bytes }) => bytes);
    return addRiding(directory, admission, documents, () => named.map(({ cid }) => cid), Date.now());
  };
  const strangers = async (count: number) => {
    const parties = Array.from({ length: count }, async (_, at) => chainOf(await member(`S${at}`, 'fiduciary'), 1));
    return Promise.all(parties);
  };

  test('those of named chains are verified, in any order and whichever of them is named, and no other is', async () => {
    const [one, other, third] = (await strangers(3)) as [Identity[], Identity[], Identity[]]; // three
    const added = ride([one.toReversed(), other, third], [...one.slice(0, 1), ...other.slice(1)]);
    expect(added.map(({ cid }) => cid).sort()).toEqual([...one, ...other].map(({ cid }) => cid).sort());
    expect(read).toBe(4);
    for (const { cid } of third) expect([directory.find(cid), admission.hasRead(cid)]).toEqual([undefined, false]);
    expect(directory.newestOf(known(one[0]).cid).cid).toBe(known(one[1]).cid);
  });

  test('no more chains are verified than an order has parties', async () => {
    const all = await strangers(35);
    const firsts = all.flatMap((chain) => chain.slice(0, 1));
    expect(() => ride(all, firsts)).toThrow(refusal('envelope_invalid', 'more parties'));
    expect(read).toBe(0);
    expect(ride(all, firsts.slice(1))).toHaveLength(68);
  });

  test('a successor of an admitted chain is added, named or not, and one that the chain did not sign costs no more than a look', async () => {
    const [, next] = await chainOf(peer, 1);
    expect(ride([[known(next)]], [])).toEqual([next]);
    read = 0;
    const [, forged] = await chainOf(peer, 1, { withoutNextKey: true });
    expect(() => ride([[known(forged)]], [])).toThrow(refusal('identity_invalid'));
    expect(read).toBe(0);
  });
});

test('what is remembered of documents has a size, whatever stands in them', async () => {
  const [{ publicKey: kem }, key] = [await kemKeyPair(), newKey()];
  const large = async () => {
    const extension = { filling: randomBytes(120 * 1024) };
    return (await createIdentity({ name: 'large', roles: ['principal'], kem, extension, now: Date.now() }, key)).bytes;
  };
  const { reader } = admission.directory;
  const first = await large();
  const identity = reader(first);
  expect(reader(first)).toBe(identity);
  for (let bytes = 0; bytes < 16 * 1024 * 1024; bytes += 120 * 1024) reader(await large());
  expect(reader(first)).not.toBe(identity);
});
