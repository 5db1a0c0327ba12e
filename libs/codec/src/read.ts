import type { CID } from 'multiformats/cid';
import { asBuffer } from './bytes.js';
import { CID_BYTES, linkFromBytes } from './cid.js';
import { BYTES, FALSE, LINK_HEAD, LIST, NEGATIVE, NULL, TAG, TEXT, TRUE, UNSIGNED } from './items.js';

/** Longer texts are read by native code. */
const SHORT_TEXT = 24;

/** Where reading stands. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/**
 * The value of bytes that `scanCanonical` has let pass: it relies on all that the scan has found, and checks nothing. Byte
 * strings are copied. Integers beyond 2^53 are BigInts.
 */
export function readScanned(bytes: Uint8Array): unknown {
  return readItem({ bytes: asBuffer(bytes), at: 0 });
}

function readItem(cursor: Cursor): unknown {
  const head = cursor.bytes[cursor.at++] ?? 0;
  switch (head) {
    case FALSE:
      return false;
    case TRUE:
      return true;
    case NULL:
      return null;
  }
  if ((head & 0xe0) === TAG) return readLink(cursor);
  const [begin, argument] = [cursor.at, takeArgument(cursor, head)];
  switch (head & 0xe0) {
    case UNSIGNED:
      return Number.isSafeInteger(argument) ? argument : cursor.bytes.readBigUInt64BE(begin);
    case NEGATIVE:
      return Number.isSafeInteger(-1 - argument) ? -1 - argument : -1n - cursor.bytes.readBigUInt64BE(begin);
    case BYTES:
      return takeBytes(cursor, argument);
    case TEXT:
      return takeText(cursor, argument);
    case LIST:
      return readList(cursor, argument);
    default:
      return readMap(cursor, argument);
  }
}

/** Inexact above 2^53. */
function takeArgument(cursor: Cursor, head: number): number {
  const { bytes, at } = cursor;
  switch (head & 0x1f) {
    case 24:
      cursor.at += 1;
      return bytes[at] ?? 0;
    case 25:
      cursor.at += 2;
      return bytes.readUInt16BE(at);
    case 26:
      cursor.at += 4;
      return bytes.readUInt32BE(at);
    case 27:
      cursor.at += 8;
      return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
    default:
      return head & 0x1f;
  }
}

function takeBytes(cursor: Cursor, length: number): Uint8Array {
  const start = cursor.at;
  cursor.at += length;
  return new Uint8Array(cursor.bytes.subarray(start, cursor.at));
}

/** A U+FEFF at the start is part of the text, which `TextDecoder` would take for a mark of the encoding. */
function takeText(cursor: Cursor, length: number): string {
  const { bytes, at } = cursor;
  cursor.at += length;
  if (length >= SHORT_TEXT) return bytes.toString('utf8', at, cursor.at);
  let text = '';
  for (let next = at; next < cursor.at; next++) {
    const byte = bytes[next] ?? 0;
    if (byte > 0x7f) return bytes.toString('utf8', at, cursor.at);
    text += String.fromCharCode(byte);
  }
  return text;
}

function readList(cursor: Cursor, length: number): unknown[] {
  const list: unknown[] = [];
  for (let member = 0; member < length; member++) list.push(readItem(cursor));
  return list;
}

function readMap(cursor: Cursor, length: number): Record<string, unknown> {
  const map: Record<string, unknown> = {}; // no key is `__proto__`
  for (let entry = 0; entry < length; entry++) {
    const head = cursor.bytes[cursor.at++] ?? 0;
    const key = takeText(cursor, takeArgument(cursor, head));
    map[key] = readItem(cursor);
  }
  return map;
}

/** After the first byte of its tag; the scan let one form pass. */
function readLink(cursor: Cursor): CID {
  cursor.at += LINK_HEAD.length - 1;
  return linkFromBytes(takeBytes(cursor, CID_BYTES));
}
