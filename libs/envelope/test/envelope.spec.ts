import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cidOf, decodeCanonical, encodeCanonical } from '@dta/codec';
import { hpkeOpen, kemKeyPair, openKem } from '@dta/crypto';
import {
  MAX_ENVELOPE_BYTES,
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
  verifyEnvelope,
  type NewEnvelope,
  type Recipient,
} from '@dta/envelope';
import { contentKeys, forgeEnvelope, hash } from './forge.js';
import { newNode, NOW, opener, recipient } from './node.js';
import { refusal } from './refusal.js';

const sender = await newNode('principal', 'beneficiary');
const fiduciaries = await Promise.all([newNode('fiduciary'), newNode('fiduciary'), newNode('fiduciary')]);
const order = cidOf(Uint8Array.of(0xa0));
const statements = [Uint8Array.of(1, 2, 3), new Uint8Array(), new Uint8Array(300).fill(7)];

/** Seals what a test varies. */
function seal(changes: Partial<NewEnvelope> = {}) {
  const said: NewEnvelope = {
    ...{ sender: sender.identity, from: 'principal', order, prev: [], log: true, statements, now: NOW },
    recipients: fiduciaries.map((node) => recipient(node)),
  };
  return sealEnvelope({ ...said, ...changes }, sender.key);
}

describe('an envelope', () => {
  test('is opened by each of its recipients', async () => {
    const { cid, bytes } = await seal();
    const envelope = parseEnvelope(bytes);
    verifyEnvelope(envelope, sender.identity);
    expect(envelope.cid).toBe(cid);
    expect(cidOf(bytes)).toBe(cid);
    for (const node of fiduciaries) expect(await openEnvelope(envelope, [opener(node)])).toEqual(statements);
  });

  test('says in clear who sends what kind of thing to whom', async () => {
    const prev = [cidOf(Uint8Array.of(1))];
    const { header } = parseEnvelope((await seal({ prev, log: false })).bytes);
    expect(header).toMatchObject({
      sender: sender.identity.cid,
      from: 'principal',
      order,
      prev,
      log: false,
      createdAt: NOW,
    });
    expect(header.recipients).toEqual(
      fiduciaries.map(({ identity }) => ({ id: identity.cid, role: 'fiduciary', key: hash(identity.keys.kem) })),
    );
    expect(header.nonce).toHaveLength(16);
  });

  test('may go to another node in the role that it is sent from', async () => {
    const peer = await newNode('principal');
    const envelope = parseEnvelope((await seal({ recipients: [recipient(peer)] })).bytes);
    verifyEnvelope(envelope, sender.identity);
    expect(await openEnvelope(envelope, [opener(peer)])).toEqual(statements);
  });

  test('may go to its sender in another role', async () => {
    const { bytes } = await seal({ recipients: [recipient(sender, 'beneficiary')] });
    const envelope = parseEnvelope(bytes);
    verifyEnvelope(envelope, sender.identity);
    expect(await openEnvelope(envelope, [opener(sender, 'beneficiary')])).toEqual(statements);
  });

  test('is opened by one of several generations, or by the key of an order', async () => {
    const [node] = fiduciaries;
    const older = await newNode('fiduciary');
    const { publicKey, seed } = await kemKeyPair();
    const orderKey = { ...opener(sender, 'beneficiary'), keyHash: hash(publicKey), key: await openKem(seed) };
    const { bytes } = await seal({
      recipients: [recipient(node), { ...recipient(sender, 'beneficiary'), kem: publicKey }],
    });
    expect(await openEnvelope(parseEnvelope(bytes), [opener(older), opener(node)])).toEqual(statements);
    expect(await openEnvelope(parseEnvelope(bytes), [orderKey])).toEqual(statements);
  });

  test('never has a key, salt or nonce twice, though it says the same', async () => {
    const [a, b] = [parseEnvelope((await seal()).bytes), parseEnvelope((await seal()).bytes)];
    for (const part of ['headerHash', 'salt', 'keyCommitment', 'ciphertext'] as const) {
      expect(Buffer.from(a[part]).equals(b[part])).toBe(false);
    }
  });

  test('opens as it was sealed, whatever is in it', async () => {
    const [node] = fiduciaries;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 2_000 }), { minLength: 1, maxLength: 8 }),
        fc.nat({ max: 2 }),
        async (said, others) => {
          const recipients = [...fiduciaries.slice(1, 1 + others), node].map((each) => recipient(each));
          const { bytes } = await seal({ statements: said, recipients });
          expect(await openEnvelope(parseEnvelope(bytes), [opener(node)])).toEqual(said);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('goes to 64 recipients, not to 65 and not to none', async () => {
    const to = (n: number): Recipient[] => Array.from({ length: n }, () => recipient(fiduciaries[0]));
    expect(parseEnvelope((await seal({ recipients: to(64) })).bytes).wraps).toHaveLength(64);
    await expect(seal({ recipients: to(65) })).rejects.toThrow();
    await expect(seal({ recipients: [] })).rejects.toThrow();
  });
});

describe('what an envelope is made of, by node:crypto', () => {
  test('is the key schedule, the binding of each wrap and the ciphertext of the page', async () => {
    const { bytes } = await seal();
    const envelope = parseEnvelope(bytes);
    const raw = decodeCanonical(bytes, MAX_ENVELOPE_BYTES) as { header: unknown }; // as sealEnvelope wrote it
    expect(envelope.headerHash).toEqual(hash(encodeCanonical(raw.header)));
    const binding = hash(envelope.headerHash, envelope.salt, envelope.keyCommitment);
    for (const [at, { kem }] of fiduciaries.entries()) {
      const info = Uint8Array.from([...Buffer.from('DTA-ENV1-CEK'), ...binding, 0, 0, 0, at]);
      const wrap = envelope.wraps[at];
      const contentKey = await hpkeOpen(kem, info, Uint8Array.from([...(wrap?.enc ?? []), ...(wrap?.ct ?? [])]));
      const keys = contentKeys(contentKey, envelope.salt, envelope.headerHash);
      expect(Buffer.from(envelope.keyCommitment).equals(keys.subarray(32))).toBe(true);
    }
  });

  test('opens when it was written down a second time, independently', async () => {
    const [node] = fiduciaries;
    const envelope = parseEnvelope(await forgeEnvelope(sender, [recipient(node)]));
    verifyEnvelope(envelope, sender.identity);
    expect(await openEnvelope(envelope, [opener(node)])).toEqual([Uint8Array.of(1, 2, 3)]);
  });
});

describe('the size of an envelope', () => {
  const sizeOf = async (length: number) => (await seal({ statements: [new Uint8Array(length)] })).bytes.length;

  test('is one for all short messages', async () => {
    const sizes = await Promise.all([0, 1, 23, 24, 100, 200, 248].map(sizeOf));
    expect(new Set(sizes).size).toBe(1);
  });

  test('is one for messages of similar sizes, and another further on', async () => {
    // a list of one byte string of 256 to 65,535 bytes has 4 bytes of CBOR, and the length 4: 10,240 to 10,752 is a step
    const sizes = await Promise.all([10_233, 10_300, 10_500, 10_744].map(sizeOf));
    expect(new Set(sizes).size).toBe(1);
    expect(await sizeOf(10_745)).toBe((sizes[0] ?? 0) + 512);
    expect(await sizeOf(10_232)).toBe((sizes[0] ?? 0) - 512);
  });

  test('has a limit, whether a little or much is above it', async () => {
    const [node] = fiduciaries;
    const recipients = [recipient(node)];
    const large = await seal({ recipients, statements: [new Uint8Array(253_000)] });
    expect(large.bytes.length).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES);
    expect(await openEnvelope(parseEnvelope(large.bytes), [opener(node)])).toHaveLength(1);
    for (const length of [262_000, 400_000, 2_000_000]) {
      await expect(seal({ recipients, statements: [new Uint8Array(length)] })).rejects.toThrow(refusal('too_large'));
    }
    const five = Array.from({ length: 5 }, () => recipient(node)); // whose wraps are what is too much
    const sealing = seal({ recipients: five, statements: [new Uint8Array(257_000)] });
    await expect(sealing).rejects.toThrow(refusal('too_large'));
  });
});

describe('sealEnvelope refuses', () => {
  test('a role that its sender has not', async () => {
    await expect(seal({ from: 'fiduciary' })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('its sender as a recipient in the same role', async () => {
    await expect(seal({ recipients: [recipient(sender)] })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test.each([0, 1215, 1217])('a KEM key of %d bytes', async (length) => {
    const recipients = [{ ...recipient(fiduciaries[0]), kem: new Uint8Array(length) }];
    await expect(seal({ recipients })).rejects.toThrow(refusal('key_invalid'));
  });

  test('a KEM key whose parts are not usable', async () => {
    const { kem } = recipient(fiduciaries[0]);
    const unusable = [kem.map((byte, i) => (i < 1184 ? 0xff : byte)), kem.map((byte, i) => (i < 1184 ? byte : 0))];
    for (const bad of unusable) {
      const sealing = seal({ recipients: [{ ...recipient(fiduciaries[0]), kem: bad }] });
      await expect(sealing).rejects.toThrow(refusal('key_invalid'));
    }
  });
});

test('an envelope of exactly 256 KiB is sealed, and read', async () => {
  const to = fiduciaries.slice(0, 2).map((node) => recipient(node));
  const earlier = cidOf(Uint8Array.of(1));
  const sealed = (length: number, prev: number, now: number) =>
    seal({
      ...{ recipients: to, prev: new Array<typeof earlier>(prev).fill(earlier), now },
      statements: [new Uint8Array(length)],
    });
  // the padded plaintext grows by 4,096 bytes, a CID in `prev` is 38, and `now` has 1, 2, 3, 5 or 9
  const [plaintext, overhead] = [63 * 4096, 4 + 1 + 5]; // its length, and the heads of the list and of the statement
  const [none = 0, small = 0] = await Promise.all([0, 23].map(async (prev) => (await sealed(1, prev, 0)).bytes.length));
  expect(small - none).toBe(23 * 38);
  const others = none - (256 + 16 + 3) + 5; // all but the ciphertext, whose length takes two bytes more
  const fits = [24, 256, 65_536, 2 ** 32].flatMap((now, at) =>
    Array.from({ length: 65 }, (_, prev) => ({ prev, now, bytes: [1, 2, 4, 8][at] ?? 0 })),
  );
  const left = MAX_ENVELOPE_BYTES - plaintext - 16 - others;
  const found = fits.find(({ prev, bytes }) => prev * 38 + (prev < 24 ? 0 : 1) + bytes === left);
  if (found === undefined) throw new Error(`no header has ${left} bytes more`);
  const { bytes } = await sealed(plaintext - overhead, found.prev, found.now);
  expect(bytes).toHaveLength(MAX_ENVELOPE_BYTES);
  expect(() => parseEnvelope(bytes)).not.toThrow();
});
