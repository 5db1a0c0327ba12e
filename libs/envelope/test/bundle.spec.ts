import { describe, expect, test } from '@jest/globals';
import { concat, encodeCanonical } from '@dta/codec';
import { decodeBundle, encodeBundle, MAX_BUNDLE_BYTES, MAX_ENVELOPE_BYTES } from '@dta/envelope';
import { refusal } from './refusal.js';

const times = (n: number, length = 1) => Array.from({ length: n }, () => new Uint8Array(length));
const bundle = { envelopes: times(1, 10), attachments: times(2, 10), identities: times(3, 10) };

test('a bundle reads as it was written', () => {
  expect(decodeBundle(encodeBundle(bundle))).toEqual(bundle);
  const smallest = { envelopes: times(1), attachments: [], identities: [] };
  expect(decodeBundle(encodeBundle(smallest))).toEqual(smallest);
});

test('a bundle may be as full as its limits say', () => {
  const full = { envelopes: times(64, 1_000), attachments: times(1_024, 300), identities: times(512, 400) };
  expect(decodeBundle(encodeBundle(full))).toEqual(full);
  const large = {
    envelopes: times(1, MAX_ENVELOPE_BYTES),
    attachments: times(1, 4_096),
    identities: times(1, 131_072),
  };
  expect(decodeBundle(encodeBundle(large))).toEqual(large);
});

describe('a bundle is refused', () => {
  test.each<[string, unknown]>([
    ['without an envelope', { ...bundle, envelopes: [] }],
    ['with 65 envelopes', { ...bundle, envelopes: times(65) }],
    ['with an envelope that is too large', { ...bundle, envelopes: times(1, MAX_ENVELOPE_BYTES + 1) }],
    ['with 1,025 attachments', { ...bundle, attachments: times(1_025) }],
    ['with an attachment above 4 KiB', { ...bundle, attachments: times(1, 4_097) }],
    ['with 513 identities', { ...bundle, identities: times(513) }],
    ['with an identity above 128 KiB', { ...bundle, identities: times(1, 131_073) }],
    ['with an unknown field', { ...bundle, more: [] }],
    ['without identities', { envelopes: times(1), attachments: [] }],
    ['with text for bytes', { ...bundle, attachments: ['a'] }],
    ['as a list', [bundle]],
  ])('%s', (_name, value) => {
    expect(() => decodeBundle(encodeCanonical(value))).toThrow(refusal('document_invalid'));
  });

  test('above 1 MiB, whatever is in it, and where it is not canonical', () => {
    const five = encodeBundle({ ...bundle, envelopes: times(5, 250_000) });
    expect(five.length).toBeGreaterThan(MAX_BUNDLE_BYTES);
    expect(() => decodeBundle(five)).toThrow(refusal('too_large'));
    expect(() => decodeBundle(new Uint8Array(MAX_BUNDLE_BYTES + 1))).toThrow(refusal('too_large'));
    expect(() => decodeBundle(concat(encodeBundle(bundle), Uint8Array.of(0)))).toThrow(refusal('non_canonical'));
    expect(() => decodeBundle(new Uint8Array(MAX_BUNDLE_BYTES).fill(0x81))).toThrow(refusal('non_canonical'));
  });
});
