import { resolve } from 'node:path';
import { concat } from '@dta/codec';
import { AEAD_KEY_BYTES, aeadOpenWithIv, aeadSealWithIv, randomBytes, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { assertKeyName, doesNotOpen, type BeforeKey, type Custody, type KeyName } from '../custody.js';
import { testedRandom } from '../random/tested-random.js';
import { underLock } from './file-lock.js';
import { keysExist, overwriteLater, readKeys, removeUnfinished, replaceKeys, type Keys } from './key-store.js';

const VERSION = 1;
const IV_BYTES = 12;

/**
 * Custody in a file that holds the keys as they are: for trying things out, and where disks are protected by other
 * means. Several processes may share one file; each operation reads it, so what one makes or destroys holds for all.
 * Sealed bytes are 0x01 ‖ iv [12] ‖ ciphertext ‖ tag [16]. The file is made when it isn't there, and never written
 * when it can't be read.
 *
 * Destroying a key writes the file without it and overwrites the bytes it had before, which erases only where neither
 * the file system nor a backup keeps old blocks.
 *
 * @param options.warn takes one sentence at each opening: this protects nothing
 * @param options.beforeKey asked before a key is made
 * @throws `custody_unavailable` when the file can't be read or made, or others could read it; `custody_invalid` when it
 * is damaged
 */
export async function openSoftwareCustody(options: {
  file: string;
  warn: (sentence: string) => void;
  beforeKey?: BeforeKey;
}): Promise<Custody> {
  const { beforeKey = async () => undefined } = options;
  const file = resolve(options.file);
  await makeFile(file);
  wipeKeys(readKeys(file));
  options.warn(
    `Custody is software: whoever reads ${file} can open all that this node sealed. Use an HSM for secrets.`,
  );

  const random = testedRandom(async (length) => randomBytes(length));
  let closed = false;
  const assertOpen = () => {
    if (closed) throw new DtaError('custody_unavailable', 'custody is closed');
  };
  return {
    kind: 'software',
    erasesForCertain: false,
    async seal(key, context, plaintext) {
      assertOpen();
      assertKeyName(key);
      const iv = randomBytes(IV_BYTES);
      const sealing = (keyBytes: Uint8Array) => aeadSealWithIv(keyBytes, iv, plaintext, context);
      const made = () => beforeKey(key).then(() => makeKey(file, key));
      const sealed = withKey(file, key, sealing) ?? (await made().then(() => withKey(file, key, sealing)));
      if (sealed === undefined) throw new DtaError('custody_unavailable', 'the key was destroyed while it was made');
      return concat(Uint8Array.of(VERSION), iv, sealed);
    },
    async open(key, context, sealed) {
      assertOpen();
      if (sealed[0] !== VERSION) throw doesNotOpen();
      const [iv, ciphertext] = [sealed.subarray(1, 1 + IV_BYTES), sealed.subarray(1 + IV_BYTES)];
      const opened = withKey(file, key, (keyBytes) => {
        try {
          return aeadOpenWithIv(keyBytes, iv, ciphertext, context);
        } catch {
          return undefined; // no cause: the answer is one, whatever didn't fit
        }
      });
      if (opened === undefined) throw doesNotOpen();
      return opened;
    },
    async random(length) {
      assertOpen();
      return random(length);
    },
    async destroy(key) {
      assertOpen();
      assertKeyName(key);
      await change(file, ({ [key]: _destroyed, ...others }) => others, { overwrite: true });
    },
    async keys() {
      assertOpen();
      const keys = readKeys(file);
      wipeKeys(keys);
      return Object.keys(keys).sort();
    },
    async close() {
      closed = true;
    },
  };
}

/** Makes a file without keys unless there is one, however it may look. */
async function makeFile(file: string): Promise<void> {
  if (keysExist(file)) return;
  await underLock(file, (stillHeld) => {
    removeUnfinished(file);
    return keysExist(file) || replaceKeys(file, {}, stillHeld) || undefined;
  });
}

/** What `use` makes of the key, which is wiped after; undefined where there is no such key. */
function withKey<T>(file: string, key: KeyName, use: (keyBytes: Uint8Array) => T): T | undefined {
  const keys = readKeys(file);
  try {
    const keyBytes = Object.hasOwn(keys, key) ? keys[key] : undefined;
    return keyBytes && use(keyBytes);
  } finally {
    wipeKeys(keys);
  }
}

/** Makes a key unless another process just did: the first stays. */
function makeKey(file: string, key: KeyName): Promise<void> {
  return change(file, (keys) => (Object.hasOwn(keys, key) ? keys : { ...keys, [key]: randomBytes(AEAD_KEY_BYTES) }));
}

/** Changes the file under its lock, from what it holds then; the same keys write nothing. */
async function change(file: string, next: (keys: Keys) => Keys, options = { overwrite: false }): Promise<void> {
  await underLock(file, (stillHeld) => {
    removeUnfinished(file);
    const before = readKeys(file);
    const after = next(before);
    const former = options.overwrite ? overwriteLater(file) : undefined;
    try {
      if (sameNames(before, after)) return true;
      if (!replaceKeys(file, after, stillHeld)) return undefined;
      former?.overwrite();
      return true;
    } finally {
      former?.close();
      wipeKeys(before);
      wipeKeys(after);
    }
  });
}

function sameNames(before: Keys, after: Keys): boolean {
  return Object.keys(before).sort().join() === Object.keys(after).sort().join();
}

function wipeKeys(keys: Keys): void {
  wipe(...Object.values(keys));
}
