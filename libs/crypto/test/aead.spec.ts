// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", Appendix B, test cases 13, 14 (iv 0^12) and 16
// (AES-256, iv of 96 bits), hex taken from there.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AEAD_TAG_BYTES, aeadOpen, aeadOpenWithIv, aeadSeal, aeadSealWithIv } from '../src/index.js';
import { anyBytes, flipped, hex, refusal } from './bytes.js';

const zeroKey = new Uint8Array(32);
const none = new Uint8Array();
const case16 = {
  key: hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
  iv: hex('cafebabefacedbaddecaf888'),
  plaintext: hex(`
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657
    ba637b39`),
  aad: hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  sealed: hex(`
    522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a
    bcc9f662 76fc6ece0f4e1768cddf8853bb2d551b`),
};

describe('published vectors', () => {
  test('GCM case 13', () => {
    expect(aeadSeal(zeroKey, none, none)).toEqual(hex('530f8afbc74536b9a963b4f1c4cb738b'));
  });

  test('GCM case 14', () => {
    const sealed = hex('cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919');
    expect(aeadSeal(zeroKey, new Uint8Array(16), none)).toEqual(sealed);
    expect(aeadOpen(zeroKey, sealed, none)).toEqual(new Uint8Array(16));
  });

  test('GCM case 16', () => {
    const { key, iv, plaintext, aad, sealed } = case16;
    expect(aeadSealWithIv(key, iv, plaintext, aad)).toEqual(sealed);
    expect(aeadOpenWithIv(key, iv, sealed, aad)).toEqual(plaintext);
  });
});

test('opens what was sealed', () => {
  fc.assert(
    fc.property(anyBytes(32), anyBytes(12), anyBytes(), anyBytes(), (key, iv, plaintext, aad) => {
      const sealed = aeadSealWithIv(key, iv, plaintext, aad);
      expect(sealed).toHaveLength(plaintext.length + AEAD_TAG_BYTES);
      expect(aeadOpenWithIv(key, iv, sealed, aad)).toEqual(plaintext);
    }),
  );
});

describe('refusals', () => {
  const { key, iv, aad, sealed } = case16;

  test('a flipped bit anywhere, another aad, iv or key: decryption_failed with one message', () => {
    const attempts = [
      ...Array.from(sealed.keys(), (at) => () => aeadOpenWithIv(key, iv, flipped(sealed, at), aad)),
      () => aeadOpenWithIv(key, iv, sealed, flipped(aad, 0)),
      () => aeadOpenWithIv(key, flipped(iv, 0), sealed, aad),
      () => aeadOpenWithIv(flipped(key, 0), iv, sealed, aad),
      () => aeadOpen(key, sealed, aad),
      () => aeadOpen(key, sealed.subarray(0, AEAD_TAG_BYTES - 1), aad),
    ];
    for (const attempt of attempts) {
      expect(attempt).toThrow(refusal('decryption_failed'));
      expect(attempt).toThrow('the sealed value could not be opened');
    }
  });

  test.each([0, 16, 31, 33])('a key of %d bytes: key_invalid', (length) => {
    expect(() => aeadSeal(new Uint8Array(length), none, none)).toThrow(refusal('key_invalid'));
    expect(() => aeadOpen(new Uint8Array(length), sealed, none)).toThrow(refusal('key_invalid'));
  });

  test.each([0, 11, 13, 16])('an iv of %d bytes: key_invalid', (length) => {
    expect(() => aeadSealWithIv(zeroKey, new Uint8Array(length), none, none)).toThrow(refusal('key_invalid'));
    expect(() => aeadOpenWithIv(zeroKey, new Uint8Array(length), sealed, none)).toThrow(refusal('key_invalid'));
  });
});
