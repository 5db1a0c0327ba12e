import { bytesEqual, type Cid } from '@dta/codec';
import { custodyProtection, openCustody, type TokenOptions } from '@dta/custody';
import { DtaError } from '@dta/errors';
import {
  generateSuccessor,
  MAX_GENERATIONS,
  readIdentity,
  softwareSigningKey,
  wipeGenerations,
  type KeyGeneration,
} from '@dta/identity';
import { replaceKeyFile } from '@dta/node';
import { holdServerFolder } from '@dta/postgres';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertCustodyFits, readKeys, roleFiles } from './folder.js';

/**
 * Gives every identity in a standalone node's folder new keys, while no node runs there.
 *
 * @returns the new idDocumentCIDs, by the names of the folders
 * @throws `start_failed` where there is no such node, it runs or is being rotated, or one of its chains can have no further document: then nothing was
 * changed; what reading and writing key files throws
 */
export async function rotateFolder(
  path: string,
  token: TokenOptions | null,
  now: number,
): Promise<ReadonlyMap<string, Cid>> {
  const folder = resolve(path);
  const names = await membersOf(folder);
  const lock = await holdServerFolder(join(folder, 'postgres')); // as a node that runs has it
  try {
    for (const name of names) assertCustodyFits(folder, name, token);
    await completeRotation(folder, token);
    return await rotateMembers(folder, names, token, now);
  } finally {
    await lock.release();
  }
}

async function rotateMembers(
  folder: string,
  names: readonly string[],
  token: TokenOptions | null,
  now: number,
): Promise<ReadonlyMap<string, Cid>> {
  const chains = new Map<string, KeyGeneration[]>();
  try {
    for (const name of names) chains.set(name, await readKeys(roleFiles(folder, name, token)));
    for (const [name, generations] of chains) assertMayRotate(join(folder, name), generations);
    const made = new Map<string, Cid>();
    for (const [name, generations] of chains) {
      await addSuccessor(generations, now);
      if (name === 'principal') await writeKeys(folder, 'beneficiary', token, generations); // a start completes the principal's
      await writeKeys(folder, name, token, generations);
      made.set(name, readIdentity(newestOf(generations).document).cid);
    }
    return made;
  } finally {
    for (const generations of chains.values()) wipeGenerations(generations);
  }
}

/**
 * Principal and beneficiary are one identity with a key file each. A rotation that was cut off between the two has added the
 * new keys to one: the other gets them here, else the two would go different ways. The folder is held meanwhile.
 *
 * @throws `start_failed` as `assertCustodyFits`; `key_file_invalid` where the two files are not of one chain
 */
export async function completeRotation(folder: string, token: TokenOptions | null): Promise<void> {
  const pair = ['principal', 'beneficiary'] as const;
  if (!pair.every((name) => existsSync(roleFiles(folder, name, token).keyFile))) return;
  for (const name of pair) assertCustodyFits(folder, name, token);
  const [principal, beneficiary] = await Promise.all(pair.map((name) => readKeys(roleFiles(folder, name, token))));
  try {
    if (principal === undefined || beneficiary === undefined) return;
    const isAhead = beneficiary.length > principal.length;
    const [longer, shorter] = isAhead ? [beneficiary, principal] : [principal, beneficiary];
    if (!shorter.every(({ document }, at) => bytesEqual(document, longer[at]?.document ?? new Uint8Array()))) {
      throw new DtaError(
        'key_file_invalid',
        `principal and beneficiary of ${folder} have keys of different identities`,
      );
    }
    if (longer.length > shorter.length) await writeKeys(folder, isAhead ? 'principal' : 'beneficiary', token, longer);
  } finally {
    wipeGenerations([...(principal ?? []), ...(beneficiary ?? [])]);
  }
}

/** Folders of identities; that of the beneficiary is the principal's. */
async function membersOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const members = names.filter((name) => name === 'principal' || /^fiduciary-\d+$/.test(name));
  if (members.includes('principal')) return members;
  throw new DtaError('start_failed', `${folder} holds no node: start one there first`);
}

function assertMayRotate(where: string, generations: readonly KeyGeneration[]): void {
  const { next } = newestOf(generations);
  if (generations.length >= MAX_GENERATIONS || next === null) {
    throw new DtaError(
      'start_failed',
      `the chain of ${where} has its ${generations.length} documents, and can have no other`,
    );
  }
}

/** Adds a generation whose signing key is the one that the newest document committed to, and forgets that key as the next. */
async function addSuccessor(generations: KeyGeneration[], now: number): Promise<void> {
  const newest = newestOf(generations);
  const { signSeed, next } = newest;
  if (signSeed === null || !next?.seed) {
    throw new DtaError('key_file_invalid', 'a key file of a standalone node has its signing keys');
  }
  const identity = readIdentity(newest.document);
  const own = { key: softwareSigningKey(next.seed), seed: next.seed };
  const isLast = generations.length + 1 === MAX_GENERATIONS;
  const keys = { predecessor: softwareSigningKey(signSeed), own, ...(isLast && { next: null }) };
  const successor = await generateSuccessor(identity, keys, { name: identity.name, now });
  generations.splice(-1, 1, { ...newest, next: null }, successor);
}

async function writeKeys(
  folder: string,
  name: string,
  token: TokenOptions | null,
  generations: readonly KeyGeneration[],
): Promise<void> {
  const { keyFile, custody: options } = roleFiles(folder, name, token);
  const custody = await openCustody(options, () => undefined); // the role itself warns
  try {
    await rm(`${keyFile}.new`, { force: true }); // of a rotation that was cut off: nothing else writes while the folder is held
    await replaceKeyFile(keyFile, generations, custodyProtection(custody));
  } finally {
    await custody.close();
  }
}

function newestOf(generations: readonly KeyGeneration[]): KeyGeneration {
  const newest = generations.at(-1);
  if (newest === undefined) throw new DtaError('key_file_invalid', 'a key file holds no key');
  return newest;
}
