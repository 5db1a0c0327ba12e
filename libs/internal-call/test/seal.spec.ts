import { describe, expect, it } from '@jest/globals';
import { ascii, concat, decodeCanonical, encodeCanonical, lengthPrefixed, u64 } from '@dta/codec';
import { aeadOpen, hkdf, sha256 } from '@dta/crypto';
import { isDtaError } from '@dta/errors';
import fc from 'fast-check';
import { openCall, sealCall } from '../src/index.js';
import { assertOfThisTime } from '../src/seal.js';

const psk = new Uint8Array(32).fill(7);
const otherPsk = new Uint8Array(32).fill(8);
const subject = 'dta.internal.node.principal.place-order';
const now = 1_700_000_000_000;
const body = ascii('a body');
const call = { psk, subject, gateway: 'gateway-1', now, body };

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return isDtaError(error) ? error.code : String(error);
  }
  return 'nothing thrown';
};
const rewritten = (bytes: Uint8Array, changes: object): Uint8Array =>
  encodeCanonical({ ...(decodeCanonical(bytes, 1e6) as object), ...changes }); // made by sealCall
const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

describe('a sealed call', () => {
  it('opens for the role, and its reply for the gateway', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.uint8Array({ maxLength: 2_000 }), (asked, answered) => {
        const { bytes, openReply } = sealCall({ ...call, body: asked });
        const opened = openCall([psk], subject, bytes, now);
        expect(opened.body).toEqual(asked);
        expect(opened.gateway).toBe('gateway-1');
        expect(opened.id).toHaveLength(16);
        expect(openReply(opened.sealReply(answered))).toEqual(answered);
      }),
    );
  });

  it('has the form of docs/protocol.md §5, byte by byte', () => {
    const { bytes } = sealCall(call);
    const request = decodeCanonical(bytes, 1e6) as {
      id: Uint8Array;
      at: number;
      gateway: string;
      ciphertext: Uint8Array;
    }; // tested here
    const { id, at, gateway, ciphertext } = request;
    expect([at, gateway]).toEqual([now, 'gateway-1']);
    const info = concat(ascii('DTA-INTERNAL1'), lengthPrefixed(ascii(subject)), lengthPrefixed(ascii('gateway-1')));
    expect(aeadOpen(hkdf(psk, info, 32, id), ciphertext, u64(now))).toEqual(body);
    const sealed = openCall([psk], subject, bytes, now).sealReply(body);
    const reply = decodeCanonical(sealed, 1e6) as { salt: Uint8Array; ciphertext: Uint8Array }; // as above
    const replyInfo = concat(ascii('DTA-INTERNAL-REPLY1'), sha256(bytes));
    expect(aeadOpen(hkdf(psk, replyInfo, 32, reply.salt), reply.ciphertext, new Uint8Array())).toEqual(body);
  });

  it('is other bytes each time, and so is a reply made again', () => {
    const { bytes } = sealCall(call);
    expect(sealCall(call).bytes).not.toEqual(bytes);
    const opened = openCall([psk], subject, bytes, now);
    expect(opened.sealReply(body)).not.toEqual(opened.sealReply(body));
  });

  it('opens with no other key, for no other subject, under no other name, id or time', () => {
    const { bytes } = sealCall(call);
    const refused = [
      () => openCall([otherPsk], subject, bytes, now),
      () => openCall([psk], 'dta.internal.node.principal.redeem-order', bytes, now),
      () => openCall([psk], subject, rewritten(bytes, { gateway: 'gateway-2' }), now),
      () => openCall([psk], subject, rewritten(bytes, { id: new Uint8Array(16) }), now),
      () => openCall([psk], subject, rewritten(bytes, { at: now + 1 }), now),
    ];
    expect(refused.map(codeOf)).toEqual(refused.map(() => 'unauthenticated'));
  });

  it('opens by each key of several, and its reply is sealed by that one', () => {
    for (const psks of [
      [psk, otherPsk],
      [otherPsk, psk],
    ]) {
      const { bytes, openReply } = sealCall(call);
      const opened = openCall(psks, subject, bytes, now);
      expect(opened.body).toEqual(body);
      expect(openReply(opened.sealReply(body))).toEqual(body);
    }
    expect(codeOf(() => openCall([], subject, sealCall(call).bytes, now))).toBe('unauthenticated');
  });

  it('can not be replayed by who writes a new time on it', () => {
    const { bytes } = sealCall(call);
    const later = now + 600_000;
    expect(codeOf(() => openCall([psk], subject, rewritten(bytes, { at: later }), later))).toBe('unauthenticated');
  });

  it('is served within 120 s of its time, either way', () => {
    const { bytes } = sealCall(call);
    const at = (clock: number) => codeOf(() => assertOfThisTime(openCall([psk], subject, bytes, clock)));
    expect(at(now + 120_000)).toBe('nothing thrown');
    expect(at(now - 120_000)).toBe('nothing thrown');
    expect(at(now + 120_001)).toBe('clock_skewed');
    expect(at(now - 120_001)).toBe('clock_skewed');
  });

  it('is refused with any bit flipped, or cut', () => {
    const { bytes } = sealCall(call);
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      codes.add(codeOf(() => openCall([psk], subject, flipped(bytes, bit), now)));
    }
    for (let length = 0; length < bytes.length; length += 1) {
      codes.add(codeOf(() => openCall([psk], subject, bytes.subarray(0, length), now)));
    }
    expect([...codes].sort()).toEqual(['document_invalid', 'non_canonical', 'unauthenticated']);
  });

  it('is refused above its size, with unknown fields, or a key that is none', () => {
    expect(codeOf(() => openCall([psk], subject, new Uint8Array(1024 * 1024 + 1), now))).toBe('too_large');
    const more = rewritten(sealCall(call).bytes, { more: 1 });
    expect(codeOf(() => openCall([psk], subject, more, now))).toBe('document_invalid');
    expect(codeOf(() => sealCall({ ...call, psk: psk.subarray(1) }))).toBe('key_invalid');
  });
});

describe('a reply', () => {
  const first = sealCall(call);
  const second = sealCall(call);
  const reply = openCall([psk], subject, first.bytes, now).sealReply(body);

  it('opens for its own request alone', () => {
    expect(codeOf(() => second.openReply(reply))).toBe('decryption_failed');
    const forged = sealCall({ ...call, psk: otherPsk }).bytes;
    expect(codeOf(() => first.openReply(openCall([otherPsk], subject, forged, now).sealReply(body)))).toBe(
      'decryption_failed',
    );
  });

  it('is not the request sent back', () => {
    expect(codeOf(() => first.openReply(first.bytes))).toBe('document_invalid');
  });

  it('is refused with any bit flipped', () => {
    for (let bit = 0; bit < reply.length * 8; bit += 1) {
      expect(codeOf(() => first.openReply(flipped(reply, bit)))).not.toBe('nothing thrown');
    }
  });
});
