import { DtaError } from '@dta/errors';
import { CID } from 'multiformats/cid';
import { isOurs } from './cid.js';
import {
  BYTES,
  DOCUMENT_LIMITS,
  FALSE,
  LINK_HEAD,
  LIST,
  MAP,
  MAX_NESTING,
  NEGATIVE,
  NULL,
  TEXT,
  tooMany,
  TRUE,
  UNSIGNED,
  type ItemLimits,
} from './items.js';

/**
 * Where a document is written before it is copied out. One for all, since encoding is synchronous and calls nobody's
 * code; emptied after each use, for what was written may be secret.
 */
let written = Buffer.alloc(64 * 1024);
let length = 0;
let items = 0;
let links = 0;
let limits = DOCUMENT_LIMITS;

/**
 * The one DAG-CBOR encoding of `value`: integers and lengths in the fewest bytes, keys by length and then by bytes (RFC
 * 8949 §4.2.3 and the DAG-CBOR specification, "Strictness"). What it gives, `decodeCanonical` takes within the same limits
 * and gives back as it was. Why it isn't a library's: docs/adr/0008.
 *
 * @throws `document_invalid` for what has no form in our documents: floats, minus zero, `undefined`, text with half a
 * surrogate pair, the key `__proto__`, instances of classes other than Uint8Array and CID, links to blocks that
 * aren't ours, nesting beyond 64; `too_large` beyond `within`. The message never says a value, which may be secret
 */
export function encodeCanonical(value: unknown, within: ItemLimits = DOCUMENT_LIMITS): Uint8Array {
  [length, items, links, limits] = [0, 0, 0, within];
  try {
    write(value, 0);
    return new Uint8Array(written.subarray(0, length));
  } finally {
    written.fill(0, 0, length);
  }
}

function write(value: unknown, depth: number): void {
  countItem();
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw refuse('a float');
      if (Object.is(value, -0)) throw refuse('minus zero'); // it would come back as 0
      return value < 0 ? writeHead(NEGATIVE, -1 - value) : writeHead(UNSIGNED, value);
    case 'boolean':
      return writeByte(value ? TRUE : FALSE);
    case 'bigint':
      return writeBigInt(value);
    case 'object':
      if (value === null) return writeByte(NULL);
      return value instanceof Uint8Array ? writeBytes(value) : writeStructure(value, depth);
    default:
      throw refuse(`a value of type ${typeof value}`);
  }
}

function countItem(): void {
  items += 1;
  if (items > limits.items) throw tooMany('items', limits);
}

/**
 * The link that `value` is, or null. `CID.asCID` goes by the fields `/` and `bytes` being the same, as they are in a map of
 * anyone's two equal texts or numbers; in a link they are bytes.
 */
export function linkOf(value: unknown): CID | null {
  const isBytes = typeof value === 'object' && value !== null && 'bytes' in value && value.bytes instanceof Uint8Array;
  return isBytes ? CID.asCID(value) : null;
}

function writeStructure(value: object, depth: number): void {
  const link = linkOf(value);
  if (link !== null) {
    if (!isOurs(link.bytes)) throw refuse('a link to another kind of block than ours');
    links += 1;
    if (links > limits.links) throw tooMany('links', limits);
    append(LINK_HEAD);
    return append(link.bytes);
  }
  if (depth >= MAX_NESTING) throw refuse('lists and maps nested that deep');
  if (Array.isArray(value)) {
    writeHead(LIST, value.length);
    for (let at = 0; at < value.length; at++) write(value[at], depth + 1); // a hole is undefined, and so refused
  } else {
    writeMap(value, depth);
  }
}

function writeMap(value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  // by its own prototype rather than identity: Object.prototype differs between realms
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw refuse('an instance of a class');
  if (Object.hasOwn(value, '__proto__')) throw refuse('a key that is the name of the prototype');
  const keys = sortedKeys(value);
  if (keys.length > limits.entries) throw tooMany('entries', limits);
  writeHead(MAP, keys.length);
  for (const key of keys) {
    countItem();
    writeText(key);
    write((value as Record<string, unknown>)[key], depth + 1); // of its own keys
  }
}

/** What was decoded has its keys in order already. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  return keys.every((key, at) => at === 0 || compareKeys(keys[at - 1] ?? '', key) < 0) ? keys : keys.sort(compareKeys);
}

/** By length in UTF-8, then by bytes, whose order is that of code points. Nothing is allocated: a map may have many keys. */
function compareKeys(a: string, b: string): number {
  const longer = isAscii(a) && isAscii(b) ? a.length - b.length : Buffer.byteLength(a) - Buffer.byteLength(b);
  if (longer !== 0) return longer;
  let at = 0;
  while (a.charCodeAt(at) === b.charCodeAt(at)) at++; // ends within both: keys of one object differ
  return orderOf(a.charCodeAt(at)) - orderOf(b.charCodeAt(at));
}

/** Puts halves of surrogate pairs, which stand for code points from U+10000 on, after all other code units. */
function orderOf(codeUnit: number): number {
  return codeUnit >= 0xd800 && codeUnit < 0xe000 ? codeUnit + 0x1_0000 : codeUnit;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

function writeText(text: string): void {
  if (text.length < 64 && isAscii(text)) {
    writeHead(TEXT, text.length);
    reserve(text.length);
    for (let at = 0; at < text.length; at++) written[length++] = text.charCodeAt(at);
    return;
  }
  // half a pair has no bytes in UTF-8: another character would be written in its place
  if (!text.isWellFormed()) throw refuse('text with half a surrogate pair');
  const bytes = Buffer.byteLength(text);
  writeHead(TEXT, bytes);
  reserve(bytes);
  length += written.write(text, length, 'utf8');
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(BYTES, bytes.length);
  append(bytes);
}

function append(bytes: Uint8Array): void {
  reserve(bytes.length);
  written.set(bytes, length);
  length += bytes.length;
}

function writeByte(byte: number): void {
  reserve(1);
  written[length++] = byte;
}

/** An item's first byte and its argument, a non-negative safe integer, in the fewest bytes. */
function writeHead(major: number, argument: number): void {
  reserve(9);
  if (argument < 24) {
    written[length++] = major | argument;
  } else if (argument <= 0xff) {
    written[length++] = major | 24;
    written[length++] = argument;
  } else if (argument <= 0xffff) {
    written[length++] = major | 25;
    length = written.writeUInt16BE(argument, length);
  } else if (argument <= 0xffff_ffff) {
    written[length++] = major | 26;
    length = written.writeUInt32BE(argument, length);
  } else {
    writeLong(major, BigInt(argument));
  }
}

function writeBigInt(value: bigint): void {
  if (value < -(2n ** 64n) || value >= 2n ** 64n) throw refuse('an integer above 64 bits');
  const [major, argument] = value < 0n ? [NEGATIVE, -1n - value] : [UNSIGNED, value];
  if (argument <= 0xffff_ffffn) return writeHead(major, Number(argument));
  reserve(9);
  writeLong(major, argument);
}

function writeLong(major: number, argument: bigint): void {
  written[length++] = major | 27;
  length = written.writeBigUInt64BE(argument, length);
}

function reserve(more: number): void {
  if (length + more <= written.length) return;
  const larger = Buffer.alloc(Math.max(2 * written.length, length + more));
  larger.set(written.subarray(0, length));
  written.fill(0);
  written = larger;
}

function refuse(what: string): DtaError {
  return new DtaError('document_invalid', `a document can't hold ${what}`);
}
