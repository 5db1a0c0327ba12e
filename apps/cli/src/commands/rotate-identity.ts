import { DtaError } from '@dta/errors';
import { wipe } from '@dta/crypto';
import type { CustodySigning } from '@dta/custody';
import {
  generateSuccessor,
  MAX_GENERATIONS,
  readIdentity,
  softwareSigningKey,
  wipeGenerations,
  type ChosenKeys,
  type DrawnKey,
  type Identity,
  type KeyGeneration,
} from '@dta/identity';
import { readKeyFile, replaceKeyFile } from '@dta/node';
import { rm } from 'node:fs/promises';
import { openProtection, signingKeyOf, tokenSigning, type KeyProtectionOptions } from './key-protection.js';
import { readSpareKey, writeSpareKey } from './spare-keys.js';
import { writeNew } from './write-new.js';

/** A node whose keys are to be changed, and where the new document goes. */
export interface RotatedIdentityFiles extends KeyProtectionOptions {
  readonly keyFile: string;
  readonly document: string;
  /** what people call it from now on; as before by default */
  readonly name?: string;
  /** file of the signing key that is next, where the key file doesn't have it, and its passphrase */
  readonly nextKeyFile?: string;
  readonly nextPassphraseFile?: string;
  /** where the signing key after it goes, under the same passphrase; into the key file by default */
  readonly newNextKeyFile?: string;
}

/**
 * Adds a generation of keys to a node's key file, whose signing key is the one that the last document committed to; the old
 * ones stay in it, for what was sealed to them. The new document is signed by both keys, and commits to another. Roles read
 * the key file when they start.
 *
 * @returns the idDocumentCID of the new document
 * @throws `start_failed` where a file can't be read or written, `key_file_invalid`; `request_invalid` for an option that
 * would come to nothing
 */
export async function rotateIdentity(
  files: RotatedIdentityFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { keyFile, document, name } = files;
  if (files.nextPassphraseFile !== undefined && files.nextKeyFile === undefined && files.newNextKeyFile === undefined) {
    throw new DtaError('request_invalid', '--next-passphrase-file is of a next key: give its file');
  }
  const { protection, signing, close } = await openProtection(files, environment);
  const generations: KeyGeneration[] = [];
  let own: DrawnKey | undefined;
  let made: ChosenKeys = {};
  try {
    generations.push(...(await readKeyFile(keyFile, protection)));
    const [newest, identity] = newestOf(generations, keyFile);
    const predecessor = await signingKeyOf(newest, identity, signing);
    own = await nextKeyOf(newest, files, signing);
    made = await makeNext(generations.length + 1, files, signing);
    const said = { name: name ?? identity.name, now: Date.now() };
    const next = await generateSuccessor(identity, { predecessor, own, ...made }, said);
    generations.push(next);
    await writeNew(document, next.document); // one without its key helps nobody, and harms nobody
    try {
      const retired = generations.slice(0, -1).map((generation) => ({ ...generation, next: null }));
      await replaceKeyFile(keyFile, [...retired, next], protection);
    } catch (error) {
      await rm(document);
      throw error;
    }
    return readIdentity(next.document).cid;
  } catch (error) {
    await undo(made, files, signing); // no other node knows it yet
    throw error;
  } finally {
    wipe(own?.seed ?? new Uint8Array());
    wipeGenerations(generations);
    await close();
  }
}

/** The key that the newest document committed to. @throws `request_invalid`, `key_file_invalid`, `start_failed` */
async function nextKeyOf(
  { next }: KeyGeneration,
  { keyFile, nextKeyFile: file, nextPassphraseFile: passphraseFile }: RotatedIdentityFiles,
  signing: CustodySigning | undefined,
): Promise<DrawnKey> {
  if (next === null) {
    if (file !== undefined) return readSpareKey('next', { file, passphraseFile });
    throw new DtaError('request_invalid', `${keyFile} doesn't have the next signing key: give --next-key-file`);
  }
  if (file !== undefined) {
    throw new DtaError('request_invalid', `${keyFile} has the next signing key itself: leave --next-key-file out`);
  }
  if (next.seed !== null) return { key: softwareSigningKey(next.seed), seed: next.seed };
  if (signing === undefined) {
    throw new DtaError('key_file_invalid', 'the next signing key is in a token: give --custody-pkcs11');
  }
  return { key: await signing.open(next.publicKey), seed: null };
}

/** Makes the key after it, where the key file isn't to hold it; none for the last document that a chain may have. */
async function makeNext(
  generation: number,
  { newNextKeyFile: file, nextPassphraseFile: passphraseFile, ...files }: RotatedIdentityFiles,
  signing: CustodySigning | undefined,
): Promise<ChosenKeys> {
  const token = tokenSigning(files, signing);
  if (generation === MAX_GENERATIONS) {
    if (file === undefined) return { next: null };
    const sentence = 'this is the last document of its chain, and has no next key: leave --new-next-key-file out';
    throw new DtaError('request_invalid', sentence);
  }
  if (file !== undefined) return { next: await writeSpareKey('next', { file, passphraseFile }) };
  return token === undefined ? {} : { nextInCustody: await token.create() };
}

async function undo(
  { next, nextInCustody }: ChosenKeys,
  { newNextKeyFile }: RotatedIdentityFiles,
  signing: CustodySigning | undefined,
): Promise<void> {
  if (nextInCustody !== undefined) await signing?.destroy(nextInCustody.publicKey);
  if (next instanceof Uint8Array && newNextKeyFile !== undefined) await rm(newNextKeyFile);
}

function newestOf(generations: readonly KeyGeneration[], keyFile: string): [KeyGeneration, Identity] {
  const newest = generations.at(-1);
  if (newest === undefined) throw new DtaError('key_file_invalid', `${keyFile} holds no key`);
  if (generations.length >= MAX_GENERATIONS) {
    throw new DtaError('key_file_invalid', `a chain has at most ${MAX_GENERATIONS} documents: make a new identity`);
  }
  return [newest, readIdentity(newest.document)];
}
