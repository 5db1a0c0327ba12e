import { AEAD_TAG_BYTES, randomBytes } from '@dta/crypto';
import { returnValue, type Handle, type Mechanism } from './cryptoki.js';
import type { Session } from './connection.js';

/** Length of an iv, random for each message: 2^32 of them a key are safe (NIST SP 800-38D §8.3). */
export const IV_BYTES = 12;
/** Stands before each plaintext: some modules take no empty one. */
const MARK = 1;
/** How much longer the ciphertext is than what it holds. */
export const OVERHEAD_BYTES = 1 + AEAD_TAG_BYTES;

/** CKM_AES_GCM as PKCS#11 2.40 has it since its errata, with ulIvBits (OASIS PKCS#11 mechanisms 2.40, §2.12.3). */
function mechanism({ module: { pkcs11js } }: Session, iv: Uint8Array, aad: Uint8Array): Mechanism {
  const parameter = {
    type: pkcs11js.CK_PARAMS_AES_GCM_v240,
    iv: Buffer.from(iv),
    ivBits: iv.length * 8,
    ...(aad.length > 0 && { aad: Buffer.from(aad) }),
    tagBits: AEAD_TAG_BYTES * 8,
  };
  return { mechanism: pkcs11js.CKM_AES_GCM, parameter };
}

/**
 * Encrypts inside the token; gives ciphertext ‖ tag, {@link OVERHEAD_BYTES} longer than `plaintext`.
 *
 * @throws what the module says
 */
export async function encryptInToken(
  session: Session,
  key: Handle,
  iv: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const { cryptoki } = session.module;
  const input = Buffer.alloc(1 + plaintext.length, MARK);
  input.set(plaintext, 1);
  try {
    cryptoki.C_EncryptInit(session.handle, mechanism(session, iv, aad), key);
    const output = await cryptoki.C_EncryptAsync(session.handle, input, Buffer.alloc(input.length + AEAD_TAG_BYTES));
    if (output.length !== plaintext.length + OVERHEAD_BYTES)
      throw new Error('CKR_GENERAL_ERROR: a length that AES-GCM has not');
    return new Uint8Array(output);
  } finally {
    input.fill(0); // and so it is alive until the call, which keeps no hold of it, has ended
  }
}

/**
 * Decrypts inside the token.
 *
 * @returns undefined where it doesn't fit key, iv and aad
 * @throws what the module says otherwise
 */
export async function decryptInToken(
  session: Session,
  key: Handle,
  iv: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
): Promise<Uint8Array | undefined> {
  session.module.cryptoki.C_DecryptInit(session.handle, mechanism(session, iv, aad), key);
  try {
    return await finishDecryption(session, ciphertext);
  } catch (error) {
    session.renew();
    if (saysThatItDoesNotFit(error) || (await opensItsOwn(session, key))) return undefined;
    throw error;
  }
}

async function finishDecryption(session: Session, ciphertext: Uint8Array): Promise<Uint8Array | undefined> {
  const input = Buffer.from(ciphertext);
  const output = Buffer.alloc(input.length);
  try {
    const opened = await session.module.cryptoki.C_DecryptAsync(session.handle, input, output);
    return opened[0] === MARK ? new Uint8Array(opened.subarray(1)) : undefined;
  } finally {
    input.fill(0); // alive until here, as above
    output.fill(0);
  }
}

function saysThatItDoesNotFit(error: unknown): boolean {
  return /^CKR_(ENCRYPTED_DATA_INVALID|ENCRYPTED_DATA_LEN_RANGE|AEAD_DECRYPT_FAILED)$/.test(returnValue(error) ?? '');
}

/** Many modules say CKR_GENERAL_ERROR of a wrong tag, as of a token that is away: this one is there if this works. */
async function opensItsOwn(session: Session, key: Handle): Promise<boolean> {
  const [iv, nothing] = [randomBytes(IV_BYTES), new Uint8Array()];
  try {
    const sealed = await encryptInToken(session, key, iv, nothing, nothing);
    session.module.cryptoki.C_DecryptInit(session.handle, mechanism(session, iv, nothing), key);
    return (await finishDecryption(session, sealed)) !== undefined;
  } catch {
    return false;
  }
}
