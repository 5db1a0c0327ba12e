// RFC 5869 "HKDF", Appendix A.1 to A.3 (SHA-256), hex taken from there; FIPS 180-4, NIST's example values for SHA-256
// ("abc" and the two-block message), hex taken from there.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hkdf, randomBytes, sha256, timingSafeEqual, wipe } from '../src/index.js';
import { anyBytes, hex } from './bytes.js';

const rfc5869 = [
  {
    name: 'A.1',
    ikm: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    name: 'A.2',
    ikm: `
      000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f
      303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f`,
    salt: `
      606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f
      909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf`,
    info: `
      b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf
      e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`,
    okm: `
      b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
      da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87`,
  },
  {
    name: 'A.3',
    ikm: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    salt: '',
    info: '',
    okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
];

describe('hkdf', () => {
  test.each(rfc5869)('RFC 5869 $name', ({ ikm, salt, info, okm }) => {
    const expected = hex(okm);
    expect(hkdf(hex(ikm), hex(info), expected.length, hex(salt))).toEqual(expected);
  });

  test('without a salt is with an empty one', () => {
    expect(hkdf(hex('01'), hex('02'), 64)).toEqual(hkdf(hex('01'), hex('02'), 64, new Uint8Array()));
  });
});

describe('sha256', () => {
  test('FIPS 180-4 examples', () => {
    expect(sha256(Buffer.from('abc'))).toEqual(hex('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'));
    expect(sha256(Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'))).toEqual(
      hex('248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'),
    );
  });

  test('hashes chunks as their concatenation', () => {
    fc.assert(
      fc.property(fc.array(anyBytes(), { maxLength: 5 }), (chunks) => {
        expect(sha256(...chunks)).toEqual(sha256(Buffer.concat(chunks)));
      }),
    );
  });
});

test('what is answered are plain arrays that own their memory', () => {
  for (const bytes of [sha256(), hkdf(hex('01'), hex(''), 32), randomBytes(32)]) {
    expect(bytes.constructor).toBe(Uint8Array);
    expect(bytes.buffer.byteLength).toBe(32);
  }
});

test('randomBytes gives as many as asked, and others each time', () => {
  expect(randomBytes(0)).toHaveLength(0);
  expect(randomBytes(1000)).toHaveLength(1000);
  expect(randomBytes(32)).not.toEqual(randomBytes(32));
});

test('timingSafeEqual compares contents, and is false for different lengths', () => {
  expect(timingSafeEqual(hex('0102'), hex('0102'))).toBe(true);
  expect(timingSafeEqual(hex('0102'), hex('0103'))).toBe(false);
  expect(timingSafeEqual(hex('0102'), hex('010200'))).toBe(false);
  expect(timingSafeEqual(hex(''), hex(''))).toBe(true);
});

test('wipe leaves zeros', () => {
  const [a, b] = [hex('0102'), hex('ff')];
  wipe(a, b);
  expect([a, b]).toEqual([hex('0000'), hex('00')]);
});
