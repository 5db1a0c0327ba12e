import { DtaError } from '@dta/errors';
import { randomBytes, randomUUID, scryptSync } from 'node:crypto';
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, seal } from './aead.js';

const KEY_BYTES = 32;
const SUFFIX = '.key';
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** A folder with one file a key, each sealed under the passphrase and bound to its name. Of two who make one, the first wins. */
export class KeyFolder {
  readonly #folder: string;
  readonly #master: Uint8Array;

  /** @throws `custody_invalid` for another passphrase than the folder was made with */
  constructor(folder: string, passphrase: string) {
    this.#folder = folder;
    const salt = this.#firstOf('salt', () => randomBytes(16));
    this.#master = scryptSync(passphrase, salt, KEY_BYTES, COST);
    const proof = this.#firstOf('proof', () => seal(this.#master, Buffer.from('proof'), new Uint8Array()));
    this.#open('proof', proof);
  }

  /** The key of that name, made if it isn't there. The caller wipes it. */
  makeKey(name: string): Uint8Array {
    const file = this.#firstOf(`${name}${SUFFIX}`, () => {
      const key = randomBytes(KEY_BYTES);
      try {
        return seal(this.#master, Buffer.from(name), key);
      } finally {
        key.fill(0);
      }
    });
    return this.#open(name, file);
  }

  /** The key of that name, or undefined. The caller wipes it. */
  readKey(name: string): Uint8Array | undefined {
    if (!this.names().includes(name)) return undefined;
    const file = this.#read(`${name}${SUFFIX}`);
    return file && this.#open(name, file);
  }

  destroyKey(name: string): void {
    rmSync(join(this.#folder, `${name}${SUFFIX}`), { force: true });
  }

  names(): string[] {
    const names: string[] = [];
    for (const file of readdirSync(this.#folder)) {
      if (file.endsWith(SUFFIX)) names.push(file.slice(0, -SUFFIX.length));
    }
    return names.sort();
  }

  close(): void {
    this.#master.fill(0);
  }

  #open(name: string, file: Uint8Array): Uint8Array {
    try {
      return open(this.#master, Buffer.from(name), file);
    } catch {
      throw new DtaError('custody_invalid', 'another passphrase, or a damaged key file');
    }
  }

  /** What the file holds; where it isn't there, what `make` gives is put there, whole or not at all. */
  #firstOf(file: string, make: () => Uint8Array): Uint8Array {
    const found = this.#read(file);
    if (found !== undefined) return found;
    const unfinished = join(this.#folder, `.${randomUUID()}`);
    writeFileSync(unfinished, make(), { mode: 0o600, flush: true });
    try {
      linkSync(unfinished, join(this.#folder, file));
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error; // else another was first
    } finally {
      rmSync(unfinished);
    }
    return this.#firstOf(file, make);
  }

  #read(file: string): Uint8Array | undefined {
    try {
      return new Uint8Array(readFileSync(join(this.#folder, file)));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw new DtaError('custody_unavailable', 'the folder of keys can not be read', { cause: error });
    }
  }
}

function isErrno(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
