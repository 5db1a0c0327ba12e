import { createHash, createPublicKey, verify } from 'node:crypto';
import * as dagCbor from '@ipld/dag-cbor';
import { describe, expect, test } from '@jest/globals';
import { ascii, cidOf, concat, decodeCanonical, encodeCanonical, fields } from '@dta/codec';
import { ed25519PublicKey, randomBytes } from '@dta/crypto';
import {
  cosignStatement,
  defineStatement,
  identityStatement,
  isStatement,
  MAX_STATEMENT_BYTES,
  parseStatement,
  revocationStatement,
  signStatement,
  softwareSigningKey,
  statementDigest,
  verifySignature,
} from '@dta/identity';
import { newKey, NOW } from './node.js';
import { refusal } from './refusal.js';

const noteShape = { text: fields.bytesUpTo(200_000), extension: fields.extension };
const noteStatement = defineStatement('note', noteShape, { cosigned: true });
const issuer = cidOf(Uint8Array.of(0xa0));
const [key, other] = [newKey(), newKey()];
const said = { issuer, order: null, createdAt: NOW, text: ascii('hello'), extension: {} };
const note = await signStatement(noteStatement, said, [key]);

/** The statement as it lies in its bytes, to be altered. */
const raw = decodeCanonical(note.bytes, MAX_STATEMENT_BYTES) as {
  body: Record<string, unknown>;
  signatures: Uint8Array[];
}; // as signStatement wrote it
const parse = (value: unknown) => parseStatement([revocationStatement, noteStatement], encodeCanonical(value));

describe('a signed statement', () => {
  test('reads as what was said, under the CID of its bytes', () => {
    const read = parseStatement([noteStatement], note.bytes);
    expect(read).toEqual(note);
    expect(read.body).toMatchObject({ ...said, v: 1, type: 'note' });
    expect(read.cid).toBe(cidOf(note.bytes));
    verifySignature(read, key.publicKey);
  });

  test('is signed over "DTA-STATEMENT1" ‖ SHA-256(dag-cbor(body)), as node:crypto alone can tell', () => {
    const bodyHash = createHash('sha256').update(encodeCanonical(raw.body)).digest();
    const message = Buffer.concat([Buffer.from('DTA-STATEMENT1', 'ascii'), bodyHash]);
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.publicKey]); // RFC 8410
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    expect(verify(null, message, publicKey, note.signatures[0] ?? new Uint8Array())).toBe(true);
    expect(statementDigest(note.bodyHash)).toEqual(new Uint8Array(message));
  });

  test('has a nonce of its own, so that the same words twice are two statements', async () => {
    const again = await signStatement(noteStatement, said, [key]);
    expect(again.body.nonce).toHaveLength(16);
    expect(again.cid).not.toBe(note.cid);
  });

  test('is known by its type', () => {
    expect(isStatement(noteStatement, note)).toBe(true);
    expect(isStatement(revocationStatement, note)).toBe(false);
    expect(isStatement(noteStatement, { ...note, body: null })).toBe(false);
  });

  test('is refused when it would be too large, and read up to the limit', async () => {
    const overhead = note.bytes.length - said.text.length + 4; // a longer length prefix
    const largest = { ...said, text: new Uint8Array(MAX_STATEMENT_BYTES - overhead) };
    const signed = await signStatement(noteStatement, largest, [key]);
    expect(signed.bytes).toHaveLength(MAX_STATEMENT_BYTES);
    expect(parseStatement([noteStatement], signed.bytes).cid).toBe(signed.cid);
    const above = { ...said, text: new Uint8Array(MAX_STATEMENT_BYTES - overhead + 1) };
    await expect(signStatement(noteStatement, above, [key])).rejects.toThrow(refusal('too_large'));
  });

  test('can hold no float in its extension', async () => {
    const float = signStatement(noteStatement, { ...said, extension: { rate: 0.5 } }, [key]);
    await expect(float).rejects.toThrow(refusal('document_invalid'));
  });

  test('fails as the key fails', async () => {
    const broken = { publicKey: key.publicKey, sign: () => Promise.reject(new Error('the HSM is away')) };
    await expect(signStatement(noteStatement, said, [broken])).rejects.toThrow('the HSM is away');
  });
});

describe('parseStatement refuses', () => {
  const [signature = new Uint8Array()] = raw.signatures;
  test.each<[string, unknown]>([
    ['a type that has no place here', { ...raw, body: { ...raw.body, type: 'identity' } }],
    ['a type that is none', { ...raw, body: { ...raw.body, type: 1 } }],
    ['no type', { ...raw, body: {} }],
    ['the body of another type', { ...raw, body: { ...raw.body, type: 'revocation' } }],
    ['another version', { ...raw, body: { ...raw.body, v: 2 } }],
    ['an unknown field in the body', { ...raw, body: { ...raw.body, more: null } }],
    ['an unknown field beside it', { ...raw, more: null }],
    ['a field left out', { ...raw, body: Object.fromEntries(Object.entries(raw.body).filter(([k]) => k !== 'order')) }],
    ['a nonce of 15 bytes', { ...raw, body: { ...raw.body, nonce: new Uint8Array(15) } }],
    ['an issuer that is no CID', { ...raw, body: { ...raw.body, issuer: new Uint8Array(36) } }],
    ['a time before 1970', { ...raw, body: { ...raw.body, createdAt: -1 } }],
    ['no signature', { ...raw, signatures: [] }],
    ['three signatures', { ...raw, signatures: [signature, signature, signature] }],
    ['a signature of 63 bytes', { ...raw, signatures: [signature.subarray(1)] }],
    ['a list', [raw.body, raw.signatures]],
    ['a number', 1],
    ['a text', 'body'],
    ['null', null],
    ['a body that is null', { ...raw, body: null }],
    ['a body that is a text', { ...raw, body: 'type' }],
  ])('%s', (_name, value) => {
    expect(() => parse(value)).toThrow(refusal('document_invalid'));
  });

  test('what is too large or not canonical', () => {
    expect(() => parseStatement([noteStatement], new Uint8Array(MAX_STATEMENT_BYTES + 1))).toThrow(
      refusal('too_large'),
    );
    expect(() => parseStatement([noteStatement], concat(note.bytes, Uint8Array.of(0)))).toThrow(
      refusal('non_canonical'),
    );
  });

  test('a body with the key __proto__, which schemas pass over', () => {
    const body = Object.defineProperty({ ...raw.body }, '__proto__', { value: {}, enumerable: true });
    expect(() => parseStatement([noteStatement], dagCbor.encode({ ...raw, body }))).toThrow(refusal('non_canonical'));
  });
});

describe('verifySignature refuses', () => {
  test('a changed body', () => {
    const changed = parse({ ...raw, body: { ...raw.body, text: ascii('hallo') } });
    expect(() => verifySignature(changed, key.publicKey)).toThrow(refusal('signature_invalid'));
  });

  test('a changed signature, whichever byte', () => {
    const [signature = new Uint8Array()] = raw.signatures;
    for (const at of [0, 31, 32, 63]) {
      const changed = parse({ ...raw, signatures: [signature.map((byte, i) => (i === at ? byte ^ 1 : byte))] });
      expect(() => verifySignature(changed, key.publicKey)).toThrow(refusal('signature_invalid'));
    }
  });

  test('another key, and a signature that is not there', () => {
    expect(() => verifySignature(note, other.publicKey)).toThrow(refusal('signature_invalid'));
    expect(() => verifySignature(note, key.publicKey, 1)).toThrow(refusal('signature_invalid'));
  });

  test('the signature of another statement', async () => {
    const another = await signStatement(noteStatement, { ...said, text: ascii('other') }, [key]);
    const moved = parse({ ...raw, signatures: [...another.signatures] });
    expect(() => verifySignature(moved, key.publicKey)).toThrow(refusal('signature_invalid'));
  });

  test('a signature by the right key over the hash alone, without its tag', async () => {
    const untagged = parse({ ...raw, signatures: [await key.sign(note.bodyHash)] });
    expect(() => verifySignature(untagged, key.publicKey)).toThrow(refusal('signature_invalid'));
  });
});

describe('a co-signed statement', () => {
  test('keeps its body and first signature, and has another CID', async () => {
    const cosigned = await cosignStatement(note, other);
    expect(cosigned.cid).not.toBe(note.cid);
    expect(cosigned.body).toEqual(note.body);
    expect(cosigned.signatures[0]).toEqual(note.signatures[0]);
    const read = parseStatement([noteStatement], cosigned.bytes);
    verifySignature(read, key.publicKey);
    verifySignature(read, other.publicKey, 1);
    expect(() => verifySignature(read, key.publicKey, 1)).toThrow(refusal('signature_invalid'));
    expect(() => verifySignature(read, other.publicKey)).toThrow(refusal('signature_invalid'));
  });

  test('is refused where the type has one signature: anyone could add a second and so give it another CID', async () => {
    const single = defineStatement('note', noteShape);
    expect(parseStatement([single], note.bytes).cid).toBe(note.cid);
    const cosigned = await cosignStatement(note, other);
    expect(() => parseStatement([single], cosigned.bytes)).toThrow(refusal('document_invalid'));
  });

  test('takes no third signature', async () => {
    const cosigned = await cosignStatement(note, other);
    await expect(cosignStatement(cosigned, other)).rejects.toThrow(refusal('document_invalid'));
  });

  test('may be signed twice at once, in the order of its keys', async () => {
    const twice = await signStatement(noteStatement, said, [key, other]);
    verifySignature(twice, key.publicKey, 0);
    verifySignature(twice, other.publicKey, 1);
  });
});

test('a statement type has its own fields beside the common ones', () => {
  expect(Object.keys(identityStatement.body.out.shape).sort()).toEqual(
    [
      'v',
      'type',
      'issuer',
      'order',
      'createdAt',
      'nonce',
      'name',
      'roles',
      'keys',
      'next',
      'recovery',
      'prev',
      'extension',
    ].sort(),
  );
});

test('a software signing key shows its public half, and refuses another size by a rejection', async () => {
  const seed = randomBytes(32);
  expect(softwareSigningKey(seed).publicKey).toEqual(ed25519PublicKey(seed));
  expect(() => softwareSigningKey(new Uint8Array(31))).toThrow(refusal('key_invalid'));
});
