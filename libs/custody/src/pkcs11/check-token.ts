import { ascii, bytesEqual } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { BLOCK_BYTES } from '../random/tested-random.js';
import { startHealthTests } from '../random/health-tests.js';
import { decryptInToken, encryptInToken, IV_BYTES } from './aes-gcm.js';
import type { Session, TokenOptions } from './connection.js';
import { messageOf, returnValue, type Handle } from './cryptoki.js';
import {
  attributeOf,
  destroyObjects,
  findCandidates,
  findKeys,
  generateCandidate,
  KEY_ID_BYTES,
  settleOn,
} from './key-objects.js';
import { signingInToken } from './signing.js';
import { openToken, type Token } from './token.js';

/** One thing that was tried at a token. */
export interface CheckedAbility {
  readonly ability: string;
  /** Whether custody can't be without it. */
  readonly needed: boolean;
  readonly works: boolean;
  /** What was seen; where it doesn't work, why. */
  readonly seen: string;
}

/** Gives what it saw. Throws where the token doesn't do it. */
type Trial = (token: Token, name: string) => Promise<string>;

/** In this order: later ones use the key that an earlier one made. */
const trials: readonly { ability: string; needed: boolean; trial: Trial }[] = [
  {
    ability: 'makes an AES-256 key inside',
    needed: true,
    trial: async (token, name) => {
      await token.use((session) => generateCandidate(session, name, randomBytes(KEY_ID_BYTES)));
      return 'CKM_AES_KEY_GEN';
    },
  },
  {
    ability: 'renames it, so that replicas agree on one',
    needed: true,
    trial: (token, name) =>
      token.use((session) => {
        const [candidate] = findCandidates(session, name);
        if (candidate === undefined) throw new Error('the key that was made is not found by its label');
        settleOn(session, candidate, name);
        key(session, name);
        return 'C_SetAttributeValue of CKA_LABEL';
      }),
  },
  {
    ability: 'says that the key is sensitive and not extractable',
    needed: true,
    trial: (token, name) =>
      token.use((session) => {
        const { pkcs11js } = session.module;
        const is = (type: number) => attributeOf(session, key(session, name), type)[0] === 1;
        if (!is(pkcs11js.CKA_SENSITIVE)) throw new Error('CKA_SENSITIVE is not true');
        if (is(pkcs11js.CKA_EXTRACTABLE)) throw new Error('CKA_EXTRACTABLE is not false');
        const never = is(pkcs11js.CKA_NEVER_EXTRACTABLE) && is(pkcs11js.CKA_ALWAYS_SENSITIVE) && is(pkcs11js.CKA_LOCAL);
        return never ? 'from its making on' : 'now; it does not say so of before';
      }),
  },
  {
    ability: 'refuses to give the key away',
    needed: true,
    trial: (token, name) => token.use((session) => refusesExport(session, key(session, name))),
  },
  {
    ability: 'seals and opens by AES-GCM',
    needed: true,
    trial: async (token, name) => {
      for (const length of [0, 32, 4_096]) await roundTrip(token, name, length);
      return 'CKM_AES_GCM, iv of 12 bytes from outside, 0 to 4,096 bytes';
    },
  },
  {
    ability: 'refuses another context and altered bytes',
    needed: true,
    trial: (token, name) => token.use((session) => refusesOthers(session, key(session, name))),
  },
  {
    ability: 'gives randomness that passes the health tests',
    needed: true,
    trial: async (token) => {
      const bytes = await token.use(({ module, handle }) =>
        module.cryptoki.C_GenerateRandom(handle, Buffer.alloc(BLOCK_BYTES)),
      );
      const fault = startHealthTests().fault(bytes);
      if (fault !== null) throw new Error(`fails the ${fault} test`);
      return `C_GenerateRandom, ${BLOCK_BYTES} bytes at once`;
    },
  },
  {
    ability: 'destroys the key',
    needed: true,
    trial: (token, name) =>
      token.use((session) => {
        destroyObjects(session, [key(session, name)]);
        if (findKeys(session, name).length > 0) throw new Error('the key is still there');
        return 'C_DestroyObject';
      }),
  },
  {
    ability: "keeps a node's Ed25519 signing key",
    needed: false,
    trial: async (token) => {
      const signing = signingInToken(token);
      const { publicKey } = await signing.create(); // which verifies a signature
      await signing.destroy(publicKey);
      return 'CKM_EDDSA';
    },
  },
];

/**
 * Tries everything that custody asks of a token, for real, on objects that it destroys after. Once the login fails nothing
 * else is tried; no PIN is where the token's flags say that wrong ones were, unless `careful` is false.
 */
export async function checkToken(options: TokenOptions): Promise<CheckedAbility[]> {
  const login = { ability: 'logs in', needed: true };
  let token: Token;
  try {
    token = await openToken({ careful: true, ...options });
  } catch (error) {
    return [{ ...login, works: false, seen: reasonOf(error) }];
  }
  const name = `check-${Buffer.from(randomBytes(8)).toString('hex')}`;
  const checked: CheckedAbility[] = [{ ...login, works: true, seen: await describe(token) }];
  try {
    for (const { ability, needed, trial } of trials) {
      try {
        checked.push({ ability, needed, works: true, seen: await trial(token, name) });
      } catch (error) {
        checked.push({ ability, needed, works: false, seen: reasonOf(error) });
      }
    }
  } finally {
    await token.use((session) => {
      const left = [...findKeys(session, name), ...findCandidates(session, name)];
      destroyObjects(
        session,
        left.map(({ handle }) => handle),
      );
    });
    await token.close();
  }
  return checked;
}

function reasonOf(error: unknown): string {
  return returnValue(error) ?? messageOf(error);
}

function describe(token: Token): Promise<string> {
  return token.use(({ module: { cryptoki } }) => {
    const { libraryDescription, libraryVersion, cryptokiVersion } = cryptoki.C_GetInfo();
    const version = ({ major, minor }: { major: number; minor: number }) => `${major}.${minor}`;
    return `${libraryDescription.trim()} ${version(libraryVersion)}, PKCS#11 ${version(cryptokiVersion)}`;
  });
}

function key(session: Session, name: string): Handle {
  const [found] = findKeys(session, name);
  if (found === undefined) throw new Error('there is no key to try it with');
  return found.handle;
}

/** @throws Error where the token gives the key in plain, or under itself */
function refusesExport(session: Session, key: Handle): string {
  const { cryptoki, pkcs11js } = session.module;
  const wrapping = [pkcs11js.CKM_AES_KEY_WRAP, pkcs11js.CKM_AES_KEY_WRAP_PAD];
  const attempts = [
    () => attributeOf(session, key, pkcs11js.CKA_VALUE).length,
    ...wrapping.map(
      (mechanism) => () => cryptoki.C_WrapKey(session.handle, { mechanism }, key, key, Buffer.alloc(128)).length,
    ),
  ];
  const refusals = attempts.map((attempt) => {
    try {
      if (attempt() === 0) return 'nothing';
    } catch (error) {
      return returnValue(error) ?? 'an error';
    }
    throw new Error('the token gives the key away');
  });
  return refusals.join(', ');
}

function roundTrip(token: Token, name: string, length: number): Promise<void> {
  return token.use(async (session) => {
    const [iv, context, plaintext] = [randomBytes(IV_BYTES), ascii('context'), randomBytes(length)];
    const sealed = await encryptInToken(session, key(session, name), iv, context, plaintext);
    const opened = await decryptInToken(session, key(session, name), iv, context, sealed);
    if (opened === undefined || !bytesEqual(opened, plaintext)) throw new Error('it does not open what it sealed');
  });
}

async function refusesOthers(session: Session, key: Handle): Promise<string> {
  const [iv, context, plaintext] = [randomBytes(IV_BYTES), ascii('context'), randomBytes(32)];
  const sealed = await encryptInToken(session, key, iv, context, plaintext);
  const altered = Uint8Array.from(sealed, (byte, at) => (at === 0 ? byte ^ 1 : byte));
  const attempts: readonly [string, Uint8Array, Uint8Array][] = [
    ['another context', ascii('contexT'), sealed],
    ['no context', new Uint8Array(), sealed],
    ['altered bytes', context, altered],
    ['a tag cut short', context, sealed.subarray(0, -1)],
  ];
  for (const [what, aad, bytes] of attempts) {
    if ((await decryptInToken(session, key, iv, aad, bytes)) !== undefined) throw new Error(`it opens under ${what}`);
  }
  return attempts.map(([what]) => what).join(', ');
}
