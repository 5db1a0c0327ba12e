import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  generateKeys,
  generateSuccessor,
  readIdentity,
  softwareSigningKey,
  type Identity,
  type KeyGeneration,
} from '@dta/identity';
import { Admission, migrateDatabase, openDatabase, openKeyRing, type Database } from '@dta/node';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { dta } from './run-dta.js';

let fresh: FreshDatabase;
let database: Database;
let admission: Admission;
let first: Identity;
let rivals: Identity[];

const newKeys = (name: string) => generateKeys({ name, roles: ['fiduciary'], now: Date.now() });

async function successorOf({ document, signSeed, next }: KeyGeneration, name: string): Promise<Identity> {
  const [predecessor, seed] = [softwareSigningKey(signSeed ?? new Uint8Array()), next?.seed ?? new Uint8Array()];
  const keys = { predecessor, own: { key: softwareSigningKey(seed), seed } };
  return readIdentity((await generateSuccessor(readIdentity(document), keys, { name, now: Date.now() })).document);
}

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 2 });
  admission = await Admission.open(database, await openKeyRing([await newKeys('own')]));
  const keys = await newKeys('peer');
  first = readIdentity(keys.document);
  rivals = [await successorOf(keys, 'one\u001b[2J'), await successorOf(keys, 'other')];
  await admission.admit([first.bytes]);
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

const run = (...args: string[]) => dta(['admin', 'forks', ...args], { environment: { DATABASE_URL: fresh.url } });

test('dta admin forks shows between which documents a chain is frozen, and ends that for the role', async () => {
  expect(await run()).toMatchObject({ status: 0, output: 'no chain forks\n' });
  for (const rival of rivals) await admission.learn([rival]);
  const { status, output } = await run();
  expect(status).toBe(0);
  for (const { cid } of [first, ...rivals]) expect(output).toContain(cid);
  expect(output).not.toContain('\u001b');
  const shown = JSON.parse((await run('--json')).output) as object[]; // what is in it is looked at next
  const claims = rivals.map(({ cid }) => ({ chain: first.cid, idDocumentCID: cid, is: 'claims to be the newest' }));
  expect(shown).toEqual(claims.map((one) => expect.objectContaining(one)));

  const [kept, other] = rivals.map(({ cid }) => cid);
  expect(await run('--follow', other ?? '')).toMatchObject({ status: 0, output: `${other}\n` });
  expect((await Admission.read(database)).newestOf(first.cid).cid).toBe(other);
  const left = JSON.parse((await run('--json')).output) as object[]; // as above
  expect(left).toEqual([expect.objectContaining({ idDocumentCID: kept, is: 'evidence' })]);
});

test('dta admin forks follows nothing that the role has not got', async () => {
  const stranger = readIdentity((await newKeys('stranger')).document);
  const refused = await run('--follow', stranger.cid);
  expect(refused).toMatchObject({ status: 1, errors: expect.stringMatching(/^dta: .*no identity document/) });
  expect((await run('--follow', 'x')).status).toBe(1);
});
