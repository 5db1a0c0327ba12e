import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readIdentity, MAX_GENERATIONS } from '@dta/identity';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeys, openFolder, openRoleFiles, readKeys, roleFiles } from '../src/folder.js';
import { completeRotation, rotateFolder } from '../src/rotate-folder.js';

let folder: string;

beforeEach(async () => {
  folder = await openFolder(await mkdtemp(join(tmpdir(), 'dta-rotate-')), null);
  const principal = await openRoleFiles(folder, 'principal', null, () =>
    makeKeys('node', ['principal', 'beneficiary']),
  );
  await openRoleFiles(folder, 'beneficiary', null, () => readKeys(principal));
  await openRoleFiles(folder, 'fiduciary-1', null, () => makeKeys('fiduciary-1', ['fiduciary']));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const keyFile = (name: string) => join(folder, name, 'identity.key');
const generationsOf = (name: string) => readKeys(roleFiles(folder, name, null));
const cidsOf = async (name: string) =>
  (await generationsOf(name)).map(({ document }) => String(readIdentity(document).cid));

test('every identity gets one more document, signed by its predecessor, and the beneficiary the same as the principal', async () => {
  const before = await cidsOf('principal');
  const made = await rotateFolder(folder, null, Date.now());
  expect([...made.keys()].sort()).toEqual(['fiduciary-1', 'principal']);
  expect(await cidsOf('principal')).toEqual([...before, made.get('principal')]);
  expect(await cidsOf('beneficiary')).toEqual(await cidsOf('principal'));
  const [first, second] = (await generationsOf('fiduciary-1')).map(({ document }) => readIdentity(document));
  expect(second).toMatchObject({ prev: first?.cid, name: 'fiduciary-1', roles: ['fiduciary'] });
});

test('a key that has become the live one is not kept as the next', async () => {
  await rotateFolder(folder, null, Date.now());
  expect((await generationsOf('principal')).map(({ next }) => next !== null)).toEqual([false, true]);
});

test.each([
  ['principal', 'beneficiary'],
  ['beneficiary', 'principal'],
])('a rotation that the %s has and the %s lacks is completed', async (_, behind) => {
  const kept = join(folder, 'kept');
  await copyFile(keyFile(behind), kept);
  const made = await rotateFolder(folder, null, Date.now());
  await copyFile(kept, keyFile(behind));
  await completeRotation(folder, null);
  expect((await cidsOf(behind)).at(-1)).toBe(made.get('principal'));
  expect(await cidsOf('principal')).toEqual(await cidsOf('beneficiary'));
});

test('principal and beneficiary that went different ways are refused, and stay as they are', async () => {
  await rm(keyFile('principal'));
  await openRoleFiles(folder, 'principal', null, () => makeKeys('other', ['principal', 'beneficiary']));
  const before = await Promise.all(['principal', 'beneficiary'].map((name) => readFile(keyFile(name))));
  await expect(completeRotation(folder, null)).rejects.toMatchObject({ code: 'key_file_invalid' });
  await expect(rotateFolder(folder, null, Date.now())).rejects.toMatchObject({ code: 'key_file_invalid' });
  expect(await Promise.all(['principal', 'beneficiary'].map((name) => readFile(keyFile(name))))).toEqual(before);
});

test('a chain ends with its last document, and then no identity is rotated', async () => {
  for (let at = 1; at < MAX_GENERATIONS; at++) await rotateFolder(folder, null, Date.now());
  expect(await cidsOf('fiduciary-1')).toHaveLength(MAX_GENERATIONS);
  expect((await generationsOf('fiduciary-1')).at(-1)?.next).toBeNull();
  await openRoleFiles(folder, 'fiduciary-2', null, () => makeKeys('fiduciary-2', ['fiduciary']));
  await expect(rotateFolder(folder, null, Date.now())).rejects.toMatchObject({
    code: 'start_failed',
    message: expect.stringContaining('can have no other'),
  });
  expect(await cidsOf('fiduciary-2')).toHaveLength(1);
});

test('a folder without a node is refused, and nothing is made there', async () => {
  const nowhere = join(folder, 'nowhere');
  await expect(rotateFolder(nowhere, null, Date.now())).rejects.toMatchObject({ code: 'start_failed' });
  await expect(readFile(nowhere)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('of two rotations at once one is refused, and each identity has the document that the other made', async () => {
  const [one, other] = await Promise.allSettled([1, 2].map(() => rotateFolder(folder, null, Date.now())));
  const made = [one, other].flatMap((each) => (each?.status === 'fulfilled' ? [each.value] : []));
  expect([one, other].flatMap((each) => (each?.status === 'rejected' ? [each.reason] : []))).toEqual([
    expect.objectContaining({ code: 'start_failed', message: expect.stringContaining('in use by another') }),
  ]);
  for (const name of ['principal', 'fiduciary-1']) expect((await cidsOf(name)).slice(1)).toEqual([made[0]?.get(name)]);
});

test('what a rotation that was cut off left is in the way of no later one', async () => {
  const kept = join(folder, 'kept');
  await copyFile(keyFile('principal'), kept);
  await rotateFolder(folder, null, Date.now());
  await rename(kept, keyFile('principal'));
  await writeFile(`${keyFile('principal')}.new`, 'half of it');
  await completeRotation(folder, null);
  expect(await cidsOf('principal')).toEqual(await cidsOf('beneficiary'));
});

test.each(['principal', 'beneficiary', 'fiduciary-1'])(
  'the custody file of %s is gone: it is named, and none is made in its place',
  async (name) => {
    const custodyFile = join(folder, name, 'custody.key');
    await rm(custodyFile);
    const refusal = { code: 'start_failed', message: expect.stringContaining(`${name}/custody.key is gone`) };
    await expect(rotateFolder(folder, null, Date.now())).rejects.toMatchObject(refusal);
    if (name !== 'fiduciary-1') await expect(completeRotation(folder, null)).rejects.toMatchObject(refusal);
    await expect(readFile(custodyFile)).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
