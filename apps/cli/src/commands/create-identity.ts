import { custodyProtection, openSoftwareCustody } from '@dta/custody';
import { wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { generateKeys, passphraseProtection, readIdentity, type KeyFileProtection, type Role } from '@dta/identity';
import { writeKeyFile } from '@dta/node';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { reasonOf } from '../reason-of.js';

/** A new node: what it is called and does, and where its two files go. */
export interface NewIdentityFiles {
  readonly name: string;
  readonly role: readonly Role[];
  readonly keyFile: string;
  readonly document: string;
  /** key file of the software custody provider, made where it isn't there */
  readonly custodySoftware?: string;
  /** instead: a file that holds the passphrase, read as a role reads KEY_PASSPHRASE_FILE */
  readonly passphraseFile?: string;
}

/**
 * Draws a node's keys and writes them, sealed, with the Identity Document beside. Files that are there stay as they are.
 *
 * @returns the idDocumentCID
 * @throws `start_failed` where a file is there or can't be written, `identity_invalid` for roles that don't go together
 */
export async function createIdentity(files: NewIdentityFiles): Promise<string> {
  const { name, role, keyFile, document } = files;
  for (const file of [keyFile, document]) {
    if (existsSync(file)) throw new DtaError('start_failed', `${file} is there already, and stays as it is`);
  }
  const keys = await generateKeys({ name, roles: role, now: Date.now() });
  const { protection, close } = await openProtection(files);
  try {
    await writeKeyFile(keyFile, [keys], protection);
  } finally {
    await close();
    wipe(keys.kemSeed, ...(keys.signSeed === null ? [] : [keys.signSeed]));
  }
  try {
    await writeFile(document, keys.document, { flag: 'wx' });
  } catch (cause) {
    await rm(keyFile); // nobody knows these keys yet
    throw new DtaError('start_failed', `cannot write ${document}: ${reasonOf(cause)}`, { cause });
  }
  return readIdentity(keys.document).cid;
}

async function openProtection({
  custodySoftware,
  passphraseFile,
}: NewIdentityFiles): Promise<{ protection: KeyFileProtection; close(): Promise<void> }> {
  if (passphraseFile !== undefined) {
    const passphrase = new TextEncoder().encode(await readPassphrase(passphraseFile));
    return { protection: passphraseProtection(passphrase), close: async () => wipe(passphrase) };
  }
  if (custodySoftware === undefined) {
    throw new DtaError('request_invalid', 'a key file is never in plain: give --custody-software or --passphrase-file');
  }
  const custody = await openSoftwareCustody({ file: custodySoftware, warn: () => undefined }); // the role itself warns
  return { protection: custodyProtection(custody), close: () => custody.close() };
}

async function readPassphrase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  const passphrase = text.trim();
  if (passphrase === '') throw new DtaError('request_invalid', `${file} holds no passphrase`);
  return passphrase;
}
