import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { attachmentHash, pickAttachment } from '@dta/envelope';
import { refusal } from './refusal.js';

const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];

test('an attachment is named by its SHA-256', () => {
  expect(attachmentHash(a)).toEqual(new Uint8Array(createHash('sha256').update(a).digest()));
});

test('an attachment is found by its name, wherever it lies', () => {
  expect(pickAttachment([a, b], attachmentHash(b))).toBe(b);
});

test('an attachment that is missing or altered is refused', () => {
  expect(() => pickAttachment([], attachmentHash(a))).toThrow(refusal('attachment_invalid'));
  expect(() => pickAttachment([a], attachmentHash(b))).toThrow(refusal('attachment_invalid'));
  expect(() => pickAttachment([a], attachmentHash(a).subarray(1))).toThrow(refusal('attachment_invalid'));
});
