// Every check of opening (docs/protocol.md §3), in its order, against a thief on the way and against a sender who signs
// what it likes.
import { describe, expect, test } from '@jest/globals';
import { cidOf, cidToBytes, concat, decodeCanonical, encodeCanonical, u32 } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import {
  MAX_ENVELOPE_BYTES,
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
  verifyEnvelope,
  type Opener,
} from '@dta/envelope';
import { isDtaError } from '@dta/errors';
import { forgeEnvelope, pad256, signed, type Deviations, type RawEnvelope } from './forge.js';
import { newNode, NOW, opener, recipient } from './node.js';
import { refusal } from './refusal.js';

const sender = await newNode('principal');
const node = await newNode('fiduciary');
const other = await newNode('fiduciary');
const both = [recipient(node), recipient(other)];
const { bytes } = await sealEnvelope(
  {
    ...{ sender: sender.identity, from: 'principal', order: null, prev: [], log: true, now: NOW },
    ...{ recipients: both, statements: [Uint8Array.of(1, 2, 3)] },
  },
  sender.key,
);
const raw = decodeCanonical(bytes, MAX_ENVELOPE_BYTES) as RawEnvelope & { sig: Uint8Array }; // as sealEnvelope wrote it
const { sig, ...unsigned } = raw;
const [firstWrap, secondWrap] = unsigned.wraps;
if (firstWrap === undefined || secondWrap === undefined) throw new Error('two recipients have two wraps');

/** All that `node` does with bytes from outside. */
async function receive(received: Uint8Array, openers: readonly Opener[] = [opener(node)]): Promise<Uint8Array[]> {
  const envelope = parseEnvelope(received);
  verifyEnvelope(envelope, sender.identity);
  return openEnvelope(envelope, openers);
}

/** What `node` says to what a malicious sender signed, which has to pass all checks before opening. */
async function openForged(deviations: Deviations, openers?: readonly Opener[]): Promise<Uint8Array[]> {
  const forged = await forgeEnvelope(sender, deviations.recipients ?? both, deviations);
  verifyEnvelope(parseEnvelope(forged), sender.identity);
  return receive(forged, openers);
}

const flip = (part: Uint8Array, at = 0) => part.map((byte, i) => (i === at ? byte ^ 1 : byte));

test('what is refused below is only so for what was done to it', async () => {
  expect(await receive(bytes)).toEqual([Uint8Array.of(1, 2, 3)]);
  expect(await openForged({})).toEqual([Uint8Array.of(1, 2, 3)]);
  expect(await receive(await signed(sender, unsigned))).toEqual([Uint8Array.of(1, 2, 3)]);
});

describe('size and form', () => {
  test('oversize', async () => {
    await expect(receive(new Uint8Array(MAX_ENVELOPE_BYTES + 1))).rejects.toThrow(refusal('too_large'));
  });

  test('bytes that are not canonical', async () => {
    await expect(receive(concat(bytes, Uint8Array.of(0)))).rejects.toThrow(refusal('non_canonical'));
    await expect(receive(bytes.subarray(0, -1))).rejects.toThrow(refusal('non_canonical'));
    await expect(receive(new Uint8Array())).rejects.toThrow(refusal('non_canonical'));
  });

  const header = unsigned.header;
  const [first] = header['recipients'] as Record<string, unknown>[]; // as sealEnvelope wrote it
  test.each<[string, unknown]>([
    ['an unknown field', { ...raw, more: 1 }],
    ['no signature', unsigned],
    ['a signature of 63 bytes', { ...raw, sig: sig.subarray(1) }],
    ['an unknown field in the header', { ...raw, header: { ...header, more: 1 } }],
    ['another version', { ...raw, header: { ...header, v: 2 } }],
    ['another type', { ...raw, header: { ...header, type: 'statement' } }],
    ['an unknown role', { ...raw, header: { ...header, from: 'gateway' } }],
    ['a sender that is no CID', { ...raw, header: { ...header, sender: new Uint8Array(36) } }],
    ['65 in prev', { ...raw, header: { ...header, prev: Array.from({ length: 65 }, () => header['sender']) } }],
    ['no recipient and no wrap', { ...raw, header: { ...header, recipients: [] }, wraps: [] }],
    ['an unknown field of a recipient', { ...raw, header: { ...header, recipients: [{ ...first, more: 1 }, first] } }],
    ['a wrap less', { ...raw, wraps: [firstWrap] }],
    ['a wrap more', { ...raw, wraps: [firstWrap, secondWrap, firstWrap] }],
    ['a wrap that is too short', { ...raw, wraps: [firstWrap, { ...secondWrap, ct: new Uint8Array(47) }] }],
    ['a salt of 31 bytes', { ...raw, N: new Uint8Array(31) }],
    ['a list', [raw]],
  ])('%s', (_name, value) => {
    expect(() => parseEnvelope(encodeCanonical(value))).toThrow(refusal('envelope_invalid'));
  });
});

describe('sender', () => {
  test.each<[string, RawEnvelope & { sig: Uint8Array }]>([
    ['signature', { ...raw, sig: flip(sig) }],
    ['salt', { ...raw, N: flip(raw.N) }],
    ['key commitment', { ...raw, Kcom: flip(raw.Kcom) }],
    ['ciphertext', { ...raw, ct: flip(raw.ct) }],
    ['tag', { ...raw, ct: flip(raw.ct, raw.ct.length - 1) }],
    ['encapsulated key', { ...raw, wraps: [{ ...firstWrap, enc: flip(firstWrap.enc) }, secondWrap] }],
    ['wrapped key', { ...raw, wraps: [{ ...firstWrap, ct: flip(firstWrap.ct) }, secondWrap] }],
    ['somebody else’s wrap', { ...raw, wraps: [firstWrap, { ...secondWrap, ct: flip(secondWrap.ct) }] }],
    ['time', { ...raw, header: { ...raw.header, createdAt: NOW + 1 } }],
    ['whether the log keeps it', { ...raw, header: { ...raw.header, log: false } }],
    ['order', { ...raw, header: { ...raw.header, order: cidToBytes(sender.identity.cid) } }],
  ])('a flipped bit on the way: %s', async (_field, altered) => {
    await expect(receive(encodeCanonical(altered))).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('a flipped bit in any byte of the first kilobyte and the last hundred', async () => {
    const places = Array.from(bytes.keys()).filter((at) => at < 1_000 || at >= bytes.length - 100);
    for (const at of places) {
      const error: unknown = await receive(flip(bytes, at)).catch((reason: unknown) => reason);
      expect([at, isDtaError(error, 'envelope_invalid', 'non_canonical')]).toEqual([at, true]);
    }
  });

  test('another signs', async () => {
    await expect(receive(await signed(other, unsigned))).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('the header names another sender', async () => {
    const forged = await forgeEnvelope(sender, both, { header: { sender: cidToBytes(other.identity.cid) } });
    await expect(receive(forged)).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('a role that the sender’s document does not have', async () => {
    const forged = await forgeEnvelope(sender, both, { header: { from: 'beneficiary' } });
    await expect(receive(forged)).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('the sender is a recipient in the role that it sends from', async () => {
    const forged = await forgeEnvelope(sender, [...both, recipient(sender)]);
    await expect(receive(forged)).rejects.toThrow(refusal('envelope_invalid'));
  });
});

describe('recipient', () => {
  test('the opener is not named', async () => {
    await expect(openForged({ recipients: [recipient(other)] })).rejects.toThrow(refusal('envelope_invalid'));
    await expect(receive(bytes, [])).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('it is named in another role', async () => {
    await expect(openForged({ recipients: [recipient(node, 'beneficiary')] })).rejects.toThrow(
      refusal('envelope_invalid'),
    );
  });

  test('it is named twice', async () => {
    await expect(openForged({ recipients: [recipient(node), recipient(node)] })).rejects.toThrow(
      refusal('envelope_invalid'),
    );
  });

  test('it is named twice, once with another key', async () => {
    const twice = [recipient(node), { ...recipient(node), kem: other.identity.keys.kem }];
    for (const recipients of [twice, twice.toReversed()]) {
      await expect(openForged({ recipients })).rejects.toThrow(refusal('envelope_invalid'));
    }
  });

  test('two generations of it are named', async () => {
    await expect(openForged({}, [opener(node), opener(other)])).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('it is named with another key', async () => {
    const recipients = [{ ...recipient(node), kem: other.identity.keys.kem }];
    await expect(openForged({ recipients })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('another key is named, though the wrap is for its own', async () => {
    const named = { id: cidToBytes(node.identity.cid), role: 'fiduciary' };
    const header = { recipients: [{ ...named, key: other.identity.keys.kemHash }] };
    await expect(openForged({ recipients: [recipient(node)], header })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('its key is named, and the wrap is for another', async () => {
    const swapped = { unsigned: (envelope: RawEnvelope) => ({ ...envelope, wraps: envelope.wraps.toReversed() }) };
    await expect(openForged(swapped)).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('it holds another key than its document', async () => {
    const impostor = { ...opener(node), key: other.kem };
    await expect(receive(bytes, [impostor])).rejects.toThrow(refusal('envelope_invalid'));
  });
});

describe('wrap and key commitment', () => {
  test('a wrap made for another place', async () => {
    await expect(openForged({ place: (at) => at + 1 })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('two wraps for one key, swapped', async () => {
    const recipients = [recipient(node), { ...recipient(other), kem: node.identity.keys.kem }];
    expect(await openForged({ recipients })).toHaveLength(1);
    const swap = (envelope: RawEnvelope) => ({ ...envelope, wraps: envelope.wraps.toReversed() });
    await expect(openForged({ recipients, unsigned: swap })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('another header on the same body', async () => {
    const header = { ...unsigned.header, createdAt: NOW + 1 };
    await expect(receive(await signed(sender, { ...unsigned, header }))).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('a wrap of another envelope', async () => {
    const again = decodeCanonical(await forgeEnvelope(sender, both), MAX_ENVELOPE_BYTES) as RawEnvelope; // as forged
    const moved = await signed(sender, { ...unsigned, wraps: again.wraps });
    await expect(receive(moved)).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('a commitment to another content key than the one wrapped', async () => {
    await expect(openForged({ keyCommitment: () => randomBytes(32) })).rejects.toThrow(refusal('envelope_invalid'));
    await expect(openForged({ keyCommitment: (commitment) => flip(commitment, 31) })).rejects.toThrow(
      refusal('envelope_invalid'),
    );
  });

  test('another content key for one recipient than the committed one', async () => {
    await expect(openForged({ sealedKey: () => randomBytes(32) })).rejects.toThrow(refusal('envelope_invalid'));
    await expect(openForged({ sealedKey: (key) => flip(key) })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test.each(['N', 'Kcom', 'ct'] as const)('a flipped bit that the sender signs: %s', async (field) => {
    const altered = { ...unsigned, [field]: flip(unsigned[field]) };
    await expect(receive(await signed(sender, altered))).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('all of these give one error with one message', async () => {
    const attempts = [
      openForged({ place: (at) => at + 1 }),
      openForged({ keyCommitment: () => randomBytes(32) }),
      openForged({ sealedKey: () => randomBytes(32) }),
      openForged({ padded: () => new Uint8Array(512) }),
      receive(bytes, [{ ...opener(node), key: other.kem }]),
      signed(sender, { ...unsigned, ct: flip(unsigned.ct) }).then((altered) => receive(altered)),
    ];
    const errors = await Promise.all(
      attempts.map((attempt) => attempt.catch((error: unknown) => JSON.stringify(error))),
    );
    expect(new Set(errors).size).toBe(1);
  });
});

describe('padding and payload, by a malicious sender', () => {
  const message = encodeCanonical([Uint8Array.of(1, 2, 3)]);
  test.each<[string, (padded: Uint8Array) => Uint8Array]>([
    ['a filling that is not zeros', (padded) => flip(padded, 255)],
    ['none', () => concat(u32(message.length), message)],
    ['more than there should be', (padded) => concat(padded, new Uint8Array(256))],
    ['a zero less', (padded) => padded.subarray(0, -1)],
    ['a length past the end', (padded) => concat(u32(253), padded.subarray(4))],
    ['a length that cuts the message', (padded) => concat(u32(message.length - 1), padded.subarray(4))],
    ['nothing at all', () => new Uint8Array()],
  ])('padding: %s', async (_name, padded) => {
    await expect(openForged({ padded })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test.each<[string, unknown]>([
    ['an empty list', []],
    ['one statement without a list', Uint8Array.of(1)],
    ['a map', { 0: Uint8Array.of(1) }],
    ['text', 'statement'],
    ['a list with text in it', [Uint8Array.of(1), 'statement']],
    ['a list of lists', [[Uint8Array.of(1)]]],
    ['a link', [cidOf(Uint8Array.of(1))]],
  ])('payload: %s', async (_name, payload) => {
    await expect(openForged({ payload })).rejects.toThrow(refusal('envelope_invalid'));
  });

  test('payload that is not canonical', async () => {
    const notCanonical = () => pad256(Uint8Array.of(0x81, 0x58, 0x01, 0x01));
    await expect(openForged({ padded: notCanonical })).rejects.toThrow(refusal('envelope_invalid'));
  });
});
