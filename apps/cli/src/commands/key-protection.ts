import { wipe } from '@dta/crypto';
import { custodyProtection, openCustody, type CustodyOptions, type CustodySigning } from '@dta/custody';
import { DtaError } from '@dta/errors';
import {
  passphraseProtection,
  softwareSigningKey,
  type Identity,
  type KeyFileProtection,
  type KeyGeneration,
  type SigningKey,
} from '@dta/identity';
import { readFile } from 'node:fs/promises';
import { readToken } from '../read-token.js';
import { reasonOf } from '../reason-of.js';

/** What seals a node's key file. */
export interface KeyProtectionOptions {
  /** key file of the software custody provider, made where it isn't there */
  readonly custodySoftware?: string;
  /** instead: the token that the environment names */
  readonly custodyPkcs11?: boolean;
  /** with it: new signing keys are made in the token, and the key file has none of them */
  readonly signInToken?: boolean;
  /** instead: a file that holds the passphrase, read as a role reads KEY_PASSPHRASE_FILE */
  readonly passphraseFile?: string;
}

/** What seals the key file, and where a signing key may live beside it. */
export interface Protection {
  readonly protection: KeyFileProtection;
  readonly signing?: CustodySigning | undefined;
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Opens what seals a key file. @throws `request_invalid`, `start_failed`, `custody_unavailable` */
export async function openProtection(options: KeyProtectionOptions, environment: Environment): Promise<Protection> {
  if (options.passphraseFile !== undefined) return openPassphrase(options.passphraseFile);
  const custody = await openCustody(custodyOf(options, environment), () => undefined); // the role itself warns
  return { protection: custodyProtection(custody), signing: custody.signing, close: () => custody.close() };
}

function custodyOf(
  { custodySoftware: file, custodyPkcs11 = false }: KeyProtectionOptions,
  environment: Environment,
): CustodyOptions {
  if (custodyPkcs11) return { kind: 'pkcs11', ...readToken(environment) };
  if (file !== undefined) return { kind: 'software', file };
  const ways = '--custody-pkcs11, --custody-software or --passphrase-file';
  throw new DtaError('request_invalid', `a key file is never in plain: give ${ways}`);
}

/** Protection by the passphrase in a file. @throws `request_invalid`, `start_failed` */
export async function openPassphrase(file: string): Promise<Protection> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  if (text.trim() === '') throw new DtaError('request_invalid', `${file} holds no passphrase`);
  const passphrase = new TextEncoder().encode(text.trim());
  return { protection: passphraseProtection(passphrase), close: async () => wipe(passphrase) };
}

/** Where new signing keys are made inside the token; undefined where a key file is to hold them. @throws `request_invalid` */
export function tokenSigning(
  { signInToken = false }: KeyProtectionOptions,
  signing: CustodySigning | undefined,
): CustodySigning | undefined {
  if (!signInToken) return undefined;
  if (signing === undefined) throw new DtaError('request_invalid', '--sign-in-token goes with --custody-pkcs11');
  return signing;
}

/** The signing key of a generation, wherever it lives. @throws `key_file_invalid`, `custody_invalid` */
export async function signingKeyOf(
  { signSeed }: KeyGeneration,
  { keys }: Identity,
  signing: CustodySigning | undefined,
): Promise<SigningKey> {
  if (signSeed !== null) return softwareSigningKey(signSeed);
  if (signing === undefined) {
    throw new DtaError('key_file_invalid', 'the signing key of this key file is in a token: give --custody-pkcs11');
  }
  return signing.open(keys.sign);
}
