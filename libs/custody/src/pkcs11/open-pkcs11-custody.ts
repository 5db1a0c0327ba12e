import { concat, toHex } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { assertKeyName, doesNotOpen, type BeforeKey, type Custody, type KeyName } from '../custody.js';
import { testedRandom } from '../random/tested-random.js';
import { decryptInToken, encryptInToken, IV_BYTES, OVERHEAD_BYTES } from './aes-gcm.js';
import type { Session, TokenOptions } from './connection.js';
import { createKey } from './create-key.js';
import { isNoObject } from './cryptoki.js';
import { destroyObjects, findCandidates, findKeys, KEY_ID_BYTES, listKeyNames, type KeyObject } from './key-objects.js';
import { signingInToken } from './signing.js';
import { openToken } from './token.js';

const VERSION = 2;

/**
 * Custody in a token of any PKCS#11 2.40 module that has AES-GCM. Keys are made inside it, sensitive and not extractable,
 * with the label `dta/<key name>` and a random CKA_ID. Sealed bytes are 0x02 ‖ CKA_ID [16] ‖ iv [12] ‖ ciphertext ‖
 * tag [16]; the ciphertext is of 0x01 ‖ plaintext. Processes that share a token see the same keys.
 *
 * @param beforeKey asked before the token makes a key
 * @throws `custody_unavailable` with one sentence: pkcs11js isn't compiled, no module, no such token, a wrong PIN
 */
export async function openPkcs11Custody(
  options: TokenOptions,
  beforeKey: BeforeKey = async () => undefined,
): Promise<Custody> {
  const token = await openToken(options);
  const handles = new Handles();
  const creating = new Map<KeyName, Promise<void>>();
  let closed = false;
  const assertOpen = () => {
    if (closed) throw new DtaError('custody_unavailable', 'custody is closed');
  };
  const sealIn = (key: KeyName, context: Uint8Array, plaintext: Uint8Array) =>
    token.use((session) =>
      handles.withKey(session, key, null, async ({ handle, id }) => {
        const iv = randomBytes(IV_BYTES);
        const ciphertext = await encryptInToken(session, handle, iv, context, plaintext);
        return concat(Uint8Array.of(VERSION), id, iv, ciphertext);
      }),
    );
  const create = (key: KeyName) => {
    const making = () => beforeKey(key).then(() => createKey(token, key));
    const made = creating.get(key) ?? making().finally(() => creating.delete(key));
    creating.set(key, made);
    return made;
  };
  const random = testedRandom((length) =>
    token.use(({ module, handle }) => new Uint8Array(module.cryptoki.C_GenerateRandom(handle, Buffer.alloc(length)))),
  );
  return {
    kind: 'pkcs11',
    erasesForCertain: true,
    signing: signingInToken(token),
    async seal(key, context, plaintext) {
      assertOpen();
      assertKeyName(key);
      const sealed =
        (await sealIn(key, context, plaintext)) ?? (await create(key).then(() => sealIn(key, context, plaintext)));
      if (sealed === undefined) throw new DtaError('custody_unavailable', 'the key was destroyed while it was made');
      return sealed;
    },
    async open(key, context, sealed) {
      assertOpen();
      const [version, id, iv, ciphertext] = split(sealed);
      if (version !== VERSION || ciphertext.length < OVERHEAD_BYTES) throw doesNotOpen();
      assertKeyName(key);
      const opened = await token.use((session) =>
        handles.withKey(session, key, id, ({ handle }) => decryptInToken(session, handle, iv, context, ciphertext)),
      );
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
      await token.use((session) => {
        const found = [...findKeys(session, key), ...findCandidates(session, key)];
        if (found.length === 0) session.assertThere();
        destroyObjects(
          session,
          found.map(({ handle }) => handle),
        );
      });
    },
    async keys() {
      assertOpen();
      return token.use((session) => {
        const names = listKeyNames(session);
        session.assertThere();
        return names;
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await token.close();
    },
  };
}

function split(sealed: Uint8Array): [number | undefined, Uint8Array, Uint8Array, Uint8Array] {
  const [idEnd, ivEnd] = [1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + IV_BYTES];
  return [sealed[0], sealed.subarray(1, idEnd), sealed.subarray(idEnd, ivEnd), sealed.subarray(ivEnd)];
}

/** Keys that were found before, so that not each operation searches the token. A replica may destroy them at any time. */
class Handles {
  #connection: object | undefined;
  readonly #found = new Map<string, KeyObject>();

  /**
   * Uses the key `name`, that with `id` or, where that is null, the one that seals.
   *
   * @returns undefined where there is no such key
   */
  async withKey<T>(
    session: Session,
    name: KeyName,
    id: Uint8Array | null,
    use: (key: KeyObject) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#connection !== session.connection) this.#found.clear();
    this.#connection = session.connection;
    const place = `${name}/${id === null ? '' : toHex(id)}`;
    const known = this.#found.get(place);
    if (known !== undefined) {
      try {
        return await use(known);
      } catch (error) {
        if (!isNoObject(error)) throw error;
        if (this.#found.get(place) === known) this.#found.delete(place);
        session.renew();
      }
    }
    const [key] = findKeys(session, name, id ?? undefined);
    if (key === undefined) {
      session.assertThere();
      return undefined;
    }
    this.#found.set(place, key);
    return use(key);
  }
}
