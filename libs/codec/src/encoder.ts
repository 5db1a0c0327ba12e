import { DtaError } from '@dta/errors';
import { CID } from 'multiformats/cid';

/** How deep lists and maps may lie in one another: far below where a stack ends, whoever calls from however deep. */
const MAX_NESTING = 64;

/** CBOR's major types (RFC 8949 §3.1), in the upper three bits of an item's first byte. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const LIST = 0x80;
const MAP = 0xa0;
const TAG = 0xc0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

/** Tag of a link, and the byte before its CID (DAG-CBOR specification, "Links"). */
const LINK = 42;
const IDENTITY_MULTIBASE = 0x00;

/**
 * Where a document is written before it is copied out. One for all, since encoding is synchronous and calls nobody's
 * code; emptied after each use, for what was written may be secret.
 */
let written = Buffer.alloc(64 * 1024);
let length = 0;

/**
 * The one DAG-CBOR encoding of `value`: integers and lengths in the fewest bytes, keys by length and then by bytes (RFC
 * 8949 §4.2.3 and the DAG-CBOR specification, "Strictness"). Why it isn't a library's: docs/adr/0008.
 *
 * @throws `document_invalid` for what has no form in our documents: floats, `undefined`, the key `__proto__`, instances
 * of classes other than Uint8Array and CID, nesting beyond 64; the message never says a value, which may be secret
 */
export function encodeCanonical(value: unknown): Uint8Array {
  return encoded(value, (bytes) => new Uint8Array(bytes));
}

/** Whether `bytes` are the one encoding of `value`. @throws `document_invalid` as {@link encodeCanonical} */
export function isEncodingOf(bytes: Uint8Array, value: unknown): boolean {
  return encoded(value, (own) => own.equals(bytes));
}

function encoded<T>(value: unknown, use: (bytes: Buffer) => T): T {
  length = 0;
  try {
    write(value, 0);
    return use(written.subarray(0, length));
  } finally {
    written.fill(0, 0, length);
  }
}

function write(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw refuse('a float');
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
    writeHead(TAG, LINK);
    writeHead(BYTES, link.bytes.length + 1);
    writeByte(IDENTITY_MULTIBASE);
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
  writeHead(MAP, keys.length);
  for (const key of keys) {
    writeText(key);
    write((value as Record<string, unknown>)[key], depth + 1); // of its own keys
  }
}

/** What was decoded has its keys in order already. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value);
  return keys.every((key, at) => at === 0 || compareKeys(keys[at - 1] ?? '', key) < 0) ? keys : keys.sort(compareKeys);
}

/** By length in UTF-8, then by bytes. */
function compareKeys(a: string, b: string): number {
  // code units are in the order of bytes only as far as both are ASCII
  if (!isAscii(a) || !isAscii(b)) {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length - right.length || left.compare(right);
  }
  return a.length - b.length || (a < b ? -1 : 1); // keys of one object differ
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
