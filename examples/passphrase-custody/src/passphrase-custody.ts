import { assertKeyName, doesNotOpen, type BeforeKey, type Custody } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { randomBytes } from 'node:crypto';
import { open, seal } from './aead.js';
import type { KeyFolder } from './key-folder.js';

/** The port on a folder of keys. Each operation reads the folder, so that replicas see what one of them makes or destroys. */
export function openPassphraseCustody(folder: KeyFolder, beforeKey: BeforeKey): Custody {
  let isClosed = false;
  const assertOpen = () => {
    if (isClosed) throw new DtaError('custody_unavailable', 'custody is closed');
  };
  return {
    kind: 'passphrase',
    erasesForCertain: false, // a file system keeps old blocks, and backups keep files
    async seal(name, context, plaintext) {
      assertOpen();
      assertKeyName(name);
      let key = folder.readKey(name);
      if (key === undefined) {
        await beforeKey(name);
        key = folder.makeKey(name);
      }
      try {
        return seal(key, context, plaintext);
      } finally {
        key.fill(0);
      }
    },
    async open(name, context, sealed) {
      assertOpen();
      const key = folder.readKey(name);
      if (key === undefined) throw doesNotOpen();
      try {
        return open(key, context, sealed);
      } catch {
        throw doesNotOpen();
      } finally {
        key.fill(0);
      }
    },
    async random(length) {
      assertOpen();
      return new Uint8Array(randomBytes(length));
    },
    async destroy(name) {
      assertOpen();
      assertKeyName(name);
      folder.destroyKey(name);
    },
    async keys() {
      assertOpen();
      return folder.names();
    },
    async close() {
      isClosed = true;
      folder.close();
    },
  };
}
