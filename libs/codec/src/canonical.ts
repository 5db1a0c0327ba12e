import * as dagCbor from '@ipld/dag-cbor';
import { DtaError } from '@dta/errors';
import { CID } from 'multiformats/cid';
import { bytesEqual } from './bytes.js';

/** How deep lists and maps may lie in one another: far below where a stack ends, whoever calls from however deep. */
const MAX_NESTING = 64;

/**
 * The one DAG-CBOR encoding of `value`.
 *
 * @throws `document_invalid` for what has no form in our documents: floats, `undefined`, the key `__proto__`, instances
 * of classes other than Uint8Array and CID, nesting beyond 64
 */
export function encodeCanonical(value: unknown): Uint8Array {
  const fault = faultOf(value);
  if (fault !== undefined) throw new DtaError('document_invalid', `a document can't hold ${fault}`);
  return dagCbor.encode(value);
}

/**
 * Decodes DAG-CBOR, strictly: encoding the result again must give the same bytes.
 *
 * @throws `too_large` above `maxBytes`; `non_canonical` for anything that is not the one encoding of its value (other
 * key order, longer integers, trailing bytes), and for what {@link encodeCanonical} doesn't make
 */
export function decodeCanonical(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw new DtaError('too_large', `${bytes.length} bytes where at most ${maxBytes} are allowed`, {
      metadata: { bytes: bytes.length, maxBytes },
    });
  }
  let value: unknown;
  let again: Uint8Array;
  try {
    value = dagCbor.decode(bytes);
    again = encodeCanonical(value);
  } catch (cause) {
    throw new DtaError('non_canonical', 'bytes are not DAG-CBOR', { cause });
  }
  if (!bytesEqual(bytes, again)) {
    throw new DtaError('non_canonical', 'bytes are not the canonical DAG-CBOR of their value');
  }
  return value;
}

/** Whether an IPLD link (tag 42) is anywhere in `value`, which came from {@link decodeCanonical}. */
export function holdsLink(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return CID.asCID(value) !== null || Object.values(value).some(holdsLink);
}

/** What in `value` has no form, in words, or undefined. Never says a value: it may be secret. */
function faultOf(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'bigint':
      return value >= -(2n ** 64n) && value < 2n ** 64n ? undefined : 'an integer above 64 bits';
    case 'number':
      return Number.isSafeInteger(value) ? undefined : 'a float';
    case 'object':
      return faultOfObject(value, depth);
    default:
      return `a value of type ${typeof value}`;
  }
}

function faultOfObject(value: object | null, depth: number): string | undefined {
  if (value === null || value instanceof Uint8Array || CID.asCID(value) !== null) return undefined;
  if (depth >= MAX_NESTING) return 'lists and maps nested that deep';
  if (!Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    // by its own prototype rather than identity: Object.prototype differs between realms
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return 'an instance of a class';
    if (Object.hasOwn(value, '__proto__')) return 'a key that is the name of the prototype';
  }
  for (const member of Object.values(value)) {
    const fault = faultOf(member, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
