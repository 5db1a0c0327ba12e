import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { aeadOpen, aeadSeal, randomBytes, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { scrypt, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { z } from 'zod';

/** One generation of a node's keys: its Identity Document and the private halves. */
export interface KeyGeneration {
  /** bytes of the Identity Document */
  readonly document: Uint8Array;
  /** Ed25519 seed [32]; null where the key lives in an HSM */
  readonly signSeed: Uint8Array | null;
  /** X-Wing seed [32] */
  readonly kemSeed: Uint8Array;
  /** the signing key that the document commits to, until there is a successor; null where it is kept elsewhere, or there is none */
  readonly next: NextKey | null;
}

/** The signing key of a generation to come. */
export interface NextKey {
  /** Ed25519 [32] */
  readonly publicKey: Uint8Array;
  /** [32]; null where the key lives in an HSM */
  readonly seed: Uint8Array | null;
}

/** What seals a key file: a passphrase ({@link passphraseProtection}) or a custody provider. */
export interface KeyFileProtection {
  readonly kind: 'passphrase' | 'custody';
  seal(plaintext: Uint8Array): Promise<Uint8Array>;
  /** @throws `key_file_invalid` or the provider's own error */
  open(sealed: Uint8Array): Promise<Uint8Array>;
}

const MAX_KEY_FILE_BYTES = 1024 * 1024;

const keyFile = fields.map({
  v: z.literal(1),
  type: z.literal('keyfile'),
  protection: z.enum(['passphrase', 'custody']),
  sealed: fields.bytesUpTo(MAX_KEY_FILE_BYTES),
});

const generations = fields.map({
  generations: z
    .array(
      fields.map({
        document: fields.bytesUpTo(MAX_KEY_FILE_BYTES),
        signSeed: fields.bytes(32).nullable(),
        kemSeed: fields.bytes(32),
        next: fields.map({ publicKey: fields.bytes(32), seed: fields.bytes(32).nullable() }).nullable(),
      }),
    )
    .min(1),
});

/** The bytes of a key file, oldest generation first. */
export async function sealKeyFile(keys: readonly KeyGeneration[], protection: KeyFileProtection): Promise<Uint8Array> {
  const plaintext = encodeDocument(generations, { generations: [...keys] });
  try {
    const sealed = await protection.seal(plaintext);
    return encodeDocument(keyFile, { v: 1, type: 'keyfile', protection: protection.kind, sealed });
  } finally {
    wipe(plaintext);
  }
}

/**
 * The generations in a key file, oldest first; the newest signs.
 *
 * @throws `key_file_invalid` for bytes that are no key file, another kind of protection or a wrong passphrase
 */
export async function openKeyFile(bytes: Uint8Array, protection: KeyFileProtection): Promise<KeyGeneration[]> {
  const file = refusing(() => decodeDocument(keyFile, bytes, MAX_KEY_FILE_BYTES), 'not a key file');
  if (file.protection !== protection.kind) {
    throw new DtaError('key_file_invalid', `key file is sealed by ${file.protection}, not by ${protection.kind}`);
  }
  const plaintext = await protection.open(file.sealed);
  try {
    return refusing(() => decodeDocument(generations, plaintext, MAX_KEY_FILE_BYTES), 'key file is damaged')
      .generations;
  } finally {
    wipe(plaintext);
  }
}

function refusing<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (cause) {
    throw new DtaError('key_file_invalid', message, { cause });
  }
}

/** scrypt with N = 2^17, r = 8, p = 1: about 0.4 s and 128 MiB (RFC 7914; OWASP's first choice for scrypt). */
const SCRYPT: ScryptOptions = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
const SALT_BYTES = 16;
const deriveKey = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Uint8Array>(scrypt);

/** Seals a key file under a passphrase: salt [16] ‖ AES-256-GCM under scrypt(passphrase, salt). */
export function passphraseProtection(passphrase: Uint8Array): KeyFileProtection {
  const underKey = async <T>(salt: Uint8Array, use: (key: Uint8Array) => T): Promise<T> => {
    const key = await deriveKey(passphrase, salt, 32, SCRYPT);
    try {
      return use(key);
    } finally {
      wipe(key);
    }
  };
  return {
    kind: 'passphrase',
    seal: async (plaintext) => {
      const salt = randomBytes(SALT_BYTES); // fresh salt, fresh key: the zero IV is used once
      return underKey(salt, (key) => new Uint8Array([...salt, ...aeadSeal(key, plaintext, salt)]));
    },
    open: async (sealed) => {
      const salt = sealed.slice(0, SALT_BYTES);
      return underKey(salt, (key) =>
        refusing(() => aeadOpen(key, sealed.subarray(SALT_BYTES), salt), 'wrong passphrase, or a damaged key file'),
      );
    },
  };
}

/** Wipes the private halves of a key file's generations. */
export function wipeGenerations(generations: readonly KeyGeneration[]): void {
  for (const { kemSeed, signSeed, next } of generations)
    wipe(kemSeed, signSeed ?? new Uint8Array(), next?.seed ?? new Uint8Array());
}
