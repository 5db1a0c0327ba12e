import { describe, expect, test } from '@jest/globals';
import type { ErrorCode } from '@dta/errors';
import { ascii, cidOf, concat, toHex } from '@dta/codec';
import { sha256 } from '@dta/crypto';
import {
  createIdentity,
  identityStatement,
  MAX_STATEMENT_BYTES,
  nextKeyHash,
  readIdentity,
  signStatement,
  verifySignature,
  verifySuccession,
  type BodyOf,
  type Identity,
  type SigningKey,
} from '@dta/identity';
import { newKey, newNode, newSaid, NOW, rotated } from './node.js';
import { refusal } from './refusal.js';
import { weakKeys } from './weak-keys.js';

const { identity, key, next, said } = await newNode({
  recovery: newKey().publicKey,
  extension: { keys: { tokens: 'x' } },
});

/** An Identity Document that says what it likes, signed by `keys`. */
async function forged(
  changes: Partial<Omit<BodyOf<typeof identityStatement>, 'v' | 'type' | 'nonce'>>,
  keys: readonly SigningKey[] = [key],
) {
  const { keys: documentKeys, name, roles, recovery, prev, extension } = identity;
  const said = { name, roles: [...roles], next: identity.next, recovery, prev, extension };
  const body = { issuer: null, order: null, createdAt: NOW, ...said };
  const honest = { ...body, keys: { sign: documentKeys.sign, kem: documentKeys.kem } };
  return (await signStatement(identityStatement, { ...honest, ...changes }, keys)).bytes;
}

describe('an identity', () => {
  test('reads as what was said', () => {
    expect(readIdentity(identity.bytes)).toEqual(identity);
    expect(identity).toMatchObject({ name: said.name, roles: said.roles, recovery: said.recovery, prev: null });
    expect(identity.cid).toBe(cidOf(identity.bytes));
    expect(identity.keys.kemHash).toEqual(sha256(said.kem));
    expect(identity.keys.sign).toEqual(key.publicKey);
    expect(identity.next).toEqual(sha256(concat(ascii('DTA-NEXTKEY1'), next.publicKey)));
    expect(nextKeyHash(next.publicKey)).toEqual(identity.next);
    expect(identity.extension).toEqual({ keys: { tokens: 'x' } });
  });

  test('may be principal and beneficiary at once', async () => {
    expect((await newNode({ roles: ['principal', 'beneficiary'] })).identity.roles).toHaveLength(2);
  });

  test('is refused by the same code where it is made', async () => {
    const mixed = createIdentity(await newSaid({ roles: ['fiduciary', 'principal'] }), newKey());
    await expect(mixed).rejects.toThrow(refusal('identity_invalid'));
  });
});

describe('readIdentity refuses', () => {
  const nobody = { issuer: null, order: null, createdAt: NOW, next: null, recovery: null, prev: null };
  const successorOf = { prev: identity.cid, recovery: null };
  test.each<[string, () => Promise<Uint8Array>]>([
    ['a fiduciary that is also a principal', () => forged({ roles: ['principal', 'fiduciary'] })],
    ['all three roles', () => forged({ roles: ['principal', 'fiduciary', 'beneficiary'] })],
    ['a role named twice', () => forged({ roles: ['principal', 'principal'] })],
    ['an issuer', () => forged({ issuer: identity.cid })],
    ['an order', () => forged({ order: identity.cid })],
    ['the signature of another key', () => forged({}, [newKey()])],
    ['a second signature on a first document', () => forged({}, [key, newKey()])],
    ['a successor with one signature', () => forged(successorOf)],
    ['a successor whose own signature comes second', () => forged(successorOf, [newKey(), key])],
    ['a recovery key in a successor', () => forged({ prev: identity.cid }, [key, newKey()])],
  ])('%s', async (_name, document) => {
    const bytes = await document();
    expect(() => readIdentity(bytes)).toThrow(refusal('identity_invalid'));
  });

  test('a statement of another type, a changed byte, other bytes', async () => {
    const { bytes } = identity;
    const at = toHex(bytes).indexOf(toHex(Buffer.from('node'))) / 2;
    expect(() => readIdentity(bytes.map((byte, i) => (i === at ? 0x4e : byte)))).toThrow(refusal('identity_invalid'));
    expect(() => readIdentity(Uint8Array.of(0xa0))).toThrow(refusal('identity_invalid'));
    expect(() => readIdentity(concat(bytes, Uint8Array.of(0)))).toThrow(refusal('non_canonical'));
    expect(() => readIdentity(new Uint8Array(MAX_STATEMENT_BYTES + 1))).toThrow(refusal('too_large'));
  });

  test.each(weakKeys)('a key that is not admitted, before any signature under it: %s', async (_what, weak) => {
    const keys = { sign: weak.publicKey, kem: identity.keys.kem };
    const bytes = await forged({ keys, recovery: null }, [weak]);
    expect(() => readIdentity(bytes)).toThrow(refusal('identity_invalid'));
    expect(() => readIdentity(bytes)).toThrow(expect.objectContaining({ cause: refusal('key_invalid') }));
  });

  test.each([
    ['whose ML-KEM part is not reduced', 0, 1184, 0xff],
    ['whose X25519 part is of low order', 1184, 1216, 0x00],
  ])('a KEM key %s: nothing could be sealed to it', async (_what, from, to, byte) => {
    const kem = identity.keys.kem.slice().fill(byte, from, to);
    const bytes = await forged({ keys: { sign: identity.keys.sign, kem } });
    expect(() => readIdentity(bytes)).toThrow(refusal('identity_invalid'));
    expect(() => readIdentity(bytes)).toThrow(expect.objectContaining({ cause: refusal('key_invalid') }));
  });

  test('a key of mixed order though its signature verifies', async () => {
    const weak = weakKeys.at(-1)?.[1] ?? key;
    const keys = { sign: weak.publicKey, kem: identity.keys.kem };
    const document = await signStatement(
      identityStatement,
      { ...nobody, name: 'weak', roles: ['fiduciary'], keys, extension: {} },
      [weak],
    );
    expect(() => verifySignature(document, weak.publicKey)).not.toThrow();
    expect(() => readIdentity(document.bytes)).toThrow(refusal('identity_invalid'));
  });

  test.each(weakKeys)('a recovery key that is weak: %s', async (_what, weak) => {
    const bytes = await forged({ recovery: weak.publicKey });
    expect(() => readIdentity(bytes)).toThrow(refusal('identity_invalid'));
  });
});

describe('a succession', () => {
  test('is by the key that was committed to, with the same roles in any order', async () => {
    const both = await newNode({ roles: ['principal', 'beneficiary'] });
    const roles = ['beneficiary', 'principal'] as const;
    const { identity: successor } = await rotated(both, { roles });
    expect(successor.prev).toBe(both.identity.cid);
    expect(successor.statement.signatures).toHaveLength(2);
    expect(() => verifySuccession(both.identity, successor)).not.toThrow();
  });

  const node = { identity, key, next };
  /** The successor, as `changes` have it. */
  const made = async (changes: Partial<typeof node>, said: Parameters<typeof rotated>[1] = {}) =>
    (await rotated({ ...node, ...changes }, said)).identity;

  test.each<[string, () => Promise<[predecessor: Identity, successor: Identity]>]>([
    ['a key of a thief, who has the predecessor’s', async () => [identity, await made({ next: newKey() })]],
    ['the key that was committed to, without the predecessor’s', async () => [identity, await made({ key: newKey() })]],
    [
      'the same key again, though it was committed to',
      async () => {
        const stuck = await newNode();
        const [said, own] = [await newSaid({ next: stuck.key.publicKey }), stuck.key];
        const first = await createIdentity(said, own);
        return [first, (await rotated({ identity: first, key: own, next: own })).identity];
      },
    ],
    [
      'any key, where none was committed to',
      async () => {
        const last = await createIdentity(await newSaid(), key);
        return [last, (await rotated({ identity: last, key, next })).identity];
      },
    ],
    ['other roles', async () => [identity, await made({}, { roles: ['principal'] })]],
    [
      'fewer roles',
      async () => {
        const both = await newNode({ roles: ['principal', 'beneficiary'] });
        return [both.identity, (await rotated(both, { roles: ['principal'] })).identity];
      },
    ],
    [
      'another predecessor',
      async () => {
        const twin = await createIdentity(said, key); // the same keys and roles, another document
        return [twin, await made({})];
      },
    ],
    ['a first document', async () => [identity, (await newNode()).identity]],
  ])('is refused with %s', async (_name, documents) => {
    const [predecessor, successor] = await documents();
    expect(() => verifySuccession(predecessor, successor)).toThrow(refusal('identity_invalid'));
  });
});

describe('an extension', () => {
  const unchanged = ['\ufefftext', '\u0000', 'caf\u00e9 and cafe\u0301', '\ufffd', '😀'];

  test.each(unchanged)('with %j comes out as it went in', async (text) => {
    const extension = { [text]: [text, { inner: text }] };
    const { bytes } = await createIdentity(await newSaid({ extension }), newKey());
    expect(readIdentity(bytes).extension).toEqual(extension);
  });

  test.each<[string, Record<string, unknown>, ErrorCode]>([
    ['half a surrogate pair', { note: 'a\ud83d' }, 'document_invalid'],
    ['half a surrogate pair in a name', { a: { '\ude00': 1 } }, 'document_invalid'],
    ['minus zero', { note: -0 }, 'document_invalid'],
    ['more entries than a map has', mapOf(513), 'too_large'],
    ['one item too many for the signature beside it', { a: Array.from({ length: 4_060 }, () => 0) }, 'too_large'],
    ['lists as deep as may be, but for the body around them', { a: deep(63) }, 'document_invalid'],
    ['more bytes than a statement has', { a: 'x'.repeat(MAX_STATEMENT_BYTES) }, 'too_large'],
    ['more items than a document has', { a: mapOf(500), b: Array.from({ length: 4_000 }, () => 0) }, 'too_large'],
  ])('with %s is refused before anything is signed', async (_name, extension, code) => {
    const { publicKey } = newKey();
    let signed = 0;
    const key = { publicKey, sign: async () => new Uint8Array(64).fill((signed += 1)) };
    await expect(createIdentity(await newSaid({ extension }), key)).rejects.toThrow(refusal(code));
    expect(signed).toBe(0);
  });
});

function deep(lists: number): unknown[] {
  return lists === 1 ? [] : [deep(lists - 1)];
}

function mapOf(entries: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: entries }, (_, at) => [`k${at}`, at]));
}
