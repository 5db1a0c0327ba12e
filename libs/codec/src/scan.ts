import { isUtf8 } from 'node:buffer';
import { DtaError } from '@dta/errors';
import { asBuffer } from './bytes.js';
import { CID_BYTES, PREFIX } from './cid.js';
import {
  BYTES,
  FALSE,
  LINK_HEAD,
  LIST,
  MAP,
  MAX_NESTING,
  NEGATIVE,
  NULL,
  TAG,
  TEXT,
  tooMany,
  TRUE,
  UNSIGNED,
  type ItemLimits,
} from './items.js';

/** Shorter texts are looked at byte by byte: a call of native code costs more. */
const SHORT_TEXT = 48;

const LINK_START = Uint8Array.of(...LINK_HEAD, ...PREFIX);
const PROTOTYPE_KEY = Buffer.from('__proto__');

/** Where a scan stands. */
interface Cursor {
  readonly bytes: Buffer;
  readonly limits: ItemLimits;
  at: number;
  items: number;
  links: number;
}

/**
 * Goes once over `bytes`, makes nothing of them, and refuses all that isn't the one encoding of a document: heads that
 * aren't the shortest, lengths that are left open, floats and other simple values, tags but those of links to blocks of ours,
 * keys that aren't text, aren't sorted (by length, then by bytes) or come twice, the key `__proto__`, text that isn't UTF-8,
 * nesting beyond 64, trailing bytes. What passes is canonical and within `limits`, so reading it takes a time that goes by
 * its size. The scan looks at each byte once, a key's twice. Why it is ours: docs/adr/0013.
 *
 * @returns how many items there are
 * @throws `non_canonical`, which says what and where, never a value; `too_large` beyond `limits`
 */
export function scanCanonical(bytes: Uint8Array, limits: ItemLimits): number {
  const cursor: Cursor = { bytes: asBuffer(bytes), limits, at: 0, items: 0, links: 0 };
  scanItem(cursor, 0);
  if (cursor.at !== bytes.length) throw refuse(cursor, 'bytes after the document');
  return cursor.items;
}

function scanItem(cursor: Cursor, depth: number): void {
  const head = beginItem(cursor);
  switch (head & 0xe0) {
    case UNSIGNED:
    case NEGATIVE:
      takeArgument(cursor, head);
      return;
    case BYTES:
      skip(cursor, takeArgument(cursor, head));
      return;
    case TEXT:
      scanText(cursor, takeArgument(cursor, head));
      return;
    case LIST:
      scanList(cursor, takeArgument(cursor, head), depth);
      return;
    case MAP:
      scanMap(cursor, takeArgument(cursor, head), depth);
      return;
    case TAG:
      scanLink(cursor);
      return;
    default:
      if (head !== FALSE && head !== TRUE && head !== NULL) throw refuse(cursor, 'a float or another simple value');
  }
}

/** Counts one more item and takes its first byte. */
function beginItem(cursor: Cursor): number {
  cursor.items += 1;
  if (cursor.items > cursor.limits.items) throw tooMany('items', cursor.limits);
  return takeByte(cursor);
}

function takeByte(cursor: Cursor): number {
  if (cursor.at >= cursor.bytes.length) throw refuse(cursor, 'an end too soon');
  return cursor.bytes[cursor.at++] ?? 0;
}

/**
 * The argument that follows a first byte: an integer, a length, a number of members or a tag. Inexact above 2^53, where only
 * an integer may be and nobody looks at it.
 */
function takeArgument(cursor: Cursor, head: number): number {
  const said = head & 0x1f;
  if (said < 24) return said;
  if (said > 27) throw refuse(cursor, 'a length that is left open, or a reserved head');
  const size = 1 << (said - 24);
  let argument = 0;
  for (let taken = 0; taken < size; taken++) argument = argument * 256 + takeByte(cursor);
  const least = size === 1 ? 24 : 256 ** (size / 2);
  if (argument < least) throw refuse(cursor, 'a head longer than it needs to be');
  return argument;
}

function skip(cursor: Cursor, length: number): void {
  if (length > cursor.bytes.length - cursor.at) throw refuse(cursor, 'an end too soon');
  cursor.at += length;
}

function scanText(cursor: Cursor, length: number): void {
  const start = cursor.at;
  skip(cursor, length);
  if (length < SHORT_TEXT && isAscii(cursor.bytes, start, cursor.at)) return;
  if (!isUtf8(cursor.bytes.subarray(start, cursor.at))) throw refuse(cursor, 'text that is not UTF-8');
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 0x7f) return false;
  return true;
}

function scanList(cursor: Cursor, length: number, depth: number): void {
  enter(cursor, depth, length);
  for (let member = 0; member < length; member++) scanItem(cursor, depth + 1);
}

function scanMap(cursor: Cursor, length: number, depth: number): void {
  enter(cursor, depth, 2 * length);
  if (length > cursor.limits.entries) throw tooMany('entries', cursor.limits);
  let [before, beforeEnd] = [0, 0];
  for (let entry = 0; entry < length; entry++) {
    const head = beginItem(cursor);
    if ((head & 0xe0) !== TEXT) throw refuse(cursor, 'a key that is not text');
    const size = takeArgument(cursor, head);
    const start = cursor.at;
    scanText(cursor, size);
    if (entry > 0 && !isAfter(cursor.bytes, before, beforeEnd, start, cursor.at)) {
      throw refuse(cursor, 'a key that does not come after the one before it');
    }
    if (size === PROTOTYPE_KEY.length && PROTOTYPE_KEY.equals(cursor.bytes.subarray(start, cursor.at))) {
      throw refuse(cursor, 'a key that is the name of the prototype');
    }
    [before, beforeEnd] = [start, cursor.at];
    scanItem(cursor, depth + 1);
  }
}

/** Of `members` items, none of which has less than a byte: what claims more than there are bytes is cut short, not too large. */
function enter(cursor: Cursor, depth: number, members: number): void {
  if (members > cursor.bytes.length - cursor.at) throw refuse(cursor, 'an end too soon');
  if (depth >= MAX_NESTING) throw refuse(cursor, 'lists and maps nested that deep');
}

/** Whether one key is longer than the one before, or as long and greater by its bytes. */
function isAfter(bytes: Buffer, before: number, beforeEnd: number, start: number, end: number): boolean {
  const longer = end - start - (beforeEnd - before);
  if (longer !== 0) return longer > 0;
  if (end - start >= SHORT_TEXT) return bytes.compare(bytes, before, beforeEnd, start, end) > 0;
  for (let at = 0; start + at < end; at++) {
    const difference = (bytes[start + at] ?? 0) - (bytes[before + at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** The one tag, and a CID of ours in it: no document holds others. */
function scanLink(cursor: Cursor): void {
  cursor.links += 1;
  if (cursor.links > cursor.limits.links) throw tooMany('links', cursor.limits);
  cursor.at -= 1; // the tag's own head
  for (const byte of LINK_START)
    if (takeByte(cursor) !== byte) throw refuse(cursor, 'a tag that is not of a link of ours');
  skip(cursor, CID_BYTES - PREFIX.length);
}

function refuse({ at }: Cursor, what: string): DtaError {
  return new DtaError('non_canonical', `bytes are not canonical DAG-CBOR: ${what}, before byte ${at}`);
}
