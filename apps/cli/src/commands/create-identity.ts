import { custodyProtection, openCustody, type CustodyOptions, type CustodySigning } from '@dta/custody';
import { wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import {
  generateKeys,
  passphraseProtection,
  readIdentity,
  type KeyFileProtection,
  type Role,
  type SigningKey,
} from '@dta/identity';
import { writeKeyFile } from '@dta/node';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { readToken } from '../read-token.js';
import { reasonOf } from '../reason-of.js';

/** A new node: what it is called and does, and where its two files go. */
export interface NewIdentityFiles {
  readonly name: string;
  readonly role: readonly Role[];
  readonly keyFile: string;
  readonly document: string;
  /** key file of the software custody provider, made where it isn't there */
  readonly custodySoftware?: string;
  /** instead: the token that the environment names */
  readonly custodyPkcs11?: boolean;
  /** with it: the signing key is made in the token, and the key file has none */
  readonly signInToken?: boolean;
  /** instead: a file that holds the passphrase, read as a role reads KEY_PASSPHRASE_FILE */
  readonly passphraseFile?: string;
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
  const { name, role, keyFile, document, signInToken = false } = files;
  for (const file of [keyFile, document]) {
    if (existsSync(file)) throw new DtaError('start_failed', `${file} is there already, and stays as it is`);
  }
  const { protection, signing, close } = await openProtection(files, environment);
  let signingKey: SigningKey | undefined;
  try {
    if (signInToken) signingKey = await newSigningKey(signing);
    const keys = await generateKeys({ name, roles: role, now: Date.now() }, signingKey);
    await writeKeyFile(keyFile, [keys], protection);
    wipe(keys.kemSeed, ...(keys.signSeed === null ? [] : [keys.signSeed]));
    await writeDocument(document, keys.document, keyFile);
    return readIdentity(keys.document).cid;
  } catch (error) {
    if (signingKey !== undefined) await signing?.destroy(signingKey.publicKey); // nobody knows it yet
    throw error;
  } finally {
    await close();
  }
}

async function writeDocument(file: string, document: Uint8Array, keyFile: string): Promise<void> {
  try {
    await writeFile(file, document, { flag: 'wx' });
  } catch (cause) {
    await rm(keyFile); // nobody knows these keys yet
    throw new DtaError('start_failed', `cannot write ${file}: ${reasonOf(cause)}`, { cause });
  }
}

async function newSigningKey(signing: CustodySigning | undefined): Promise<SigningKey> {
  if (signing === undefined) throw new DtaError('request_invalid', '--sign-in-token goes with --custody-pkcs11');
  return signing.create();
}

/** What seals the key file, and where a signing key may live beside it. */
interface Protection {
  readonly protection: KeyFileProtection;
  readonly signing?: CustodySigning | undefined;
  close(): Promise<void>;
}

async function openProtection(
  { custodySoftware, custodyPkcs11 = false, passphraseFile }: NewIdentityFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Protection> {
  if (passphraseFile !== undefined) {
    const passphrase = new TextEncoder().encode(await readPassphrase(passphraseFile));
    return { protection: passphraseProtection(passphrase), close: async () => wipe(passphrase) };
  }
  const custody = await openCustody(custodyOf(custodySoftware, custodyPkcs11, environment), () => undefined); // the role warns
  return { protection: custodyProtection(custody), signing: custody.signing, close: () => custody.close() };
}

function custodyOf(
  file: string | undefined,
  inToken: boolean,
  environment: Readonly<Record<string, string | undefined>>,
): CustodyOptions {
  if (inToken) return { kind: 'pkcs11', ...readToken(environment) };
  if (file !== undefined) return { kind: 'software', file };
  const ways = '--custody-pkcs11, --custody-software or --passphrase-file';
  throw new DtaError('request_invalid', `a key file is never in plain: give ${ways}`);
}

async function readPassphrase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  const passphrase = text.trim();
  if (passphrase === '') throw new DtaError('request_invalid', `${file} holds no passphrase`);
  return passphrase;
}
