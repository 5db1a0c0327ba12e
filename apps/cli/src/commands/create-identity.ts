import { ed25519PublicKey, openEd25519, randomBytes, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { generateKeys, readIdentity, sealRecoveryKey, type Role, type SigningKey } from '@dta/identity';
import { writeKeyFile } from '@dta/node';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import {
  newSigningKey,
  openPassphrase,
  openProtection,
  wipeGenerations,
  type KeyProtectionOptions,
} from './key-protection.js';
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
  for (const file of [keyFile, document, files.recoveryKeyFile]) {
    if (file !== undefined && existsSync(file)) {
      throw new DtaError('start_failed', `${file} is there already, and stays as it is`);
    }
  }
  const written: string[] = [];
  const { protection, signing, close } = await openProtection(files, environment);
  let signingKey: SigningKey | undefined;
  try {
    const recovery = await writeRecovery(files, written);
    signingKey = await newSigningKey(files, signing);
    const said = { name, roles: role, now: Date.now(), ...(recovery !== undefined && { recovery }) };
    const keys = await generateKeys(said, signingKey);
    await writeKeyFile(keyFile, [keys], protection).finally(() => wipeGenerations([keys]));
    written.push(keyFile);
    await writeNew(document, keys.document);
    return readIdentity(keys.document).cid;
  } catch (error) {
    for (const file of written) await rm(file); // nobody knows these keys yet
    if (signingKey !== undefined) await signing?.destroy(signingKey.publicKey);
    throw error;
  } finally {
    await close();
  }
}

/** Draws the recovery key, where one is wanted, and writes its file. @returns its public half [32] */
async function writeRecovery(
  { recoveryKeyFile: file, recoveryPassphraseFile: passphraseFile }: NewIdentityFiles,
  written: string[],
): Promise<Uint8Array | undefined> {
  if (file === undefined && passphraseFile === undefined) return undefined;
  if (file === undefined || passphraseFile === undefined) {
    throw new DtaError('request_invalid', '--recovery-key-file and --recovery-passphrase-file go together');
  }
  const seed = randomBytes(32);
  const { protection, close } = await openPassphrase(passphraseFile);
  try {
    await writeNew(file, await sealRecoveryKey(seed, protection), 0o600);
    written.push(file);
    return ed25519PublicKey(openEd25519(seed));
  } finally {
    wipe(seed);
    await close();
  }
}
