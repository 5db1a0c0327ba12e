import { DtaError } from '@dta/errors';
import {
  generateKeys,
  readIdentity,
  type ChosenKeys,
  type Role,
  type SigningKey,
  wipeGenerations,
} from '@dta/identity';
import { writeKeyFile } from '@dta/node';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { openProtection, tokenSigning, type KeyProtectionOptions } from './key-protection.js';
import { writeSpareKey } from './spare-keys.js';
import { writeNew } from './write-new.js';

/** A new node: what it is called and does, and where its files go. */
export interface NewIdentityFiles extends KeyProtectionOptions {
  readonly name: string;
  readonly role: readonly Role[];
  readonly keyFile: string;
  readonly document: string;
  /** file of a second key, which can end the chain when the node's own is lost; under the passphrase in the other file */
  readonly recoveryKeyFile?: string;
  readonly recoveryPassphraseFile?: string;
  /** file of the signing key of the second generation, which is in the key file by default; under a passphrase, likewise */
  readonly nextKeyFile?: string;
  readonly nextPassphraseFile?: string;
}

/**
 * Draws a node's keys and writes them, sealed, with the Identity Document beside. Files that are there stay as they are.
 *
 * @returns the idDocumentCID
 * @throws `start_failed` where a file is there or can't be written, `identity_invalid` for roles that don't go together
 */
export async function createIdentity(
  files: NewIdentityFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { name, role, keyFile, document } = files;
  for (const file of [keyFile, document, files.recoveryKeyFile, files.nextKeyFile]) {
    if (file !== undefined && existsSync(file)) {
      throw new DtaError('start_failed', `${file} is there already, and stays as it is`);
    }
  }
  const written: string[] = [];
  const inToken: SigningKey[] = [];
  const { protection, signing, close } = await openProtection(files, environment);
  try {
    const recovery = await writeSpare('recovery', files.recoveryKeyFile, files.recoveryPassphraseFile, written);
    const next = await writeSpare('next', files.nextKeyFile, files.nextPassphraseFile, written);
    const token = tokenSigning(files, signing);
    const create = async () => {
      const key = await token?.create();
      if (key !== undefined) inToken.push(key);
      return key;
    };
    const own = await create();
    const nextInCustody = next === undefined ? await create() : undefined;
    const chosen: ChosenKeys = {
      ...(own !== undefined && { own: { key: own, seed: null } }),
      ...(next !== undefined && { next }),
      ...(nextInCustody !== undefined && { nextInCustody }),
    };
    const said = { name, roles: role, now: Date.now(), ...(recovery !== undefined && { recovery }) };
    const keys = await generateKeys(said, chosen);
    await writeKeyFile(keyFile, [keys], protection).finally(() => wipeGenerations([keys]));
    written.push(keyFile);
    await writeNew(document, keys.document);
    return readIdentity(keys.document).cid;
  } catch (error) {
    for (const file of written) await rm(file); // nobody knows these keys yet
    for (const { publicKey } of inToken) await signing?.destroy(publicKey);
    throw error;
  } finally {
    await close();
  }
}

/** Writes the file of a spare key, where one is wanted. @returns its public half [32] */
async function writeSpare(
  key: 'recovery' | 'next',
  file: string | undefined,
  passphraseFile: string | undefined,
  written: string[],
): Promise<Uint8Array | undefined> {
  if (file === undefined && passphraseFile === undefined) return undefined;
  const publicKey = await writeSpareKey(key, { file, passphraseFile });
  if (file !== undefined) written.push(file);
  return publicKey;
}
