import { hash } from 'node:crypto';
import { DtaError } from '@dta/errors';
import { base32 } from 'multiformats/bases/base32';
import { CID } from 'multiformats/cid';
import { Digest } from 'multiformats/hashes/digest';
import { concat } from './bytes.js';

/** A content identifier as text: version 1, dag-cbor, sha2-256, base32 (59 characters). In documents it is its 36 bytes. */
export type Cid = string & { readonly cid: unique symbol };

/** Length of a CID in documents and hashes. */
export const CID_BYTES = 36;

const DAG_CBOR = 0x71;
const SHA2_256 = 0x12;
const HASH_BYTES = 32;

/** Version 1, codec dag-cbor, multihash sha2-256 of 32 bytes: what a CID of ours begins with. */
export const PREFIX = Uint8Array.of(0x01, DAG_CBOR, SHA2_256, HASH_BYTES);

/** The CID of a dag-cbor block, computed from its bytes. */
export function cidOf(block: Uint8Array): Cid {
  return cidFromBytes(concat(PREFIX, hash('sha256', block, 'buffer')));
}

/** Whether `bytes` are a CID version 1, dag-cbor, sha2-256. */
export function isOurs(bytes: Uint8Array): boolean {
  return bytes.length === CID_BYTES && PREFIX.every((byte, at) => bytes[at] === byte);
}

/** @throws `document_invalid` unless `bytes` are a CID version 1, dag-cbor, sha2-256. */
export function cidFromBytes(bytes: Uint8Array): Cid {
  if (!isOurs(bytes)) throw new DtaError('document_invalid', 'not a CID version 1 with dag-cbor and sha2-256');
  return toText(bytes) as Cid; // checked just above
}

const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz234567');
const text = Buffer.alloc(1 + Math.ceil((CID_BYTES * 8) / 5), 'b');

/** Base32 without padding, lower case (RFC 4648 §6, multibase `b`): the library's takes five times as long, at each CID. */
function toText(bytes: Uint8Array): string {
  let at = 1;
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xfff; // at most 4 bits were left
    for (count += 8; count >= 5; count -= 5) text[at++] = LETTERS[(bits >> (count - 5)) & 31] ?? 0;
  }
  text[at] = LETTERS[(bits << (5 - count)) & 31] ?? 0;
  return text.toString('latin1');
}

/** The 36 bytes of a CID. */
export function cidToBytes(cid: Cid): Uint8Array {
  return base32.decode(cid);
}

/** The link of the 36 bytes of a CID of ours, as they stand. The library's `CID.decode` takes ten times as long, at each link. */
export function linkFromBytes(bytes: Uint8Array): CID {
  const multihash = new Digest(SHA2_256, HASH_BYTES, bytes.subarray(PREFIX.length), bytes.subarray(2));
  return new CID(1, DAG_CBOR, multihash, bytes);
}

/** The CID as an IPLD link (tag 42): only segments of the log hold links. */
export function cidToLink(cid: Cid): CID {
  return CID.parse(cid);
}

/** A CID given as text. @throws `document_invalid` unless it is the canonical base32 text of a CID of ours. */
export function parseCid(text: string): Cid {
  let bytes: Uint8Array;
  try {
    bytes = base32.decode(text);
  } catch (cause) {
    throw new DtaError('document_invalid', 'not the base32 text of a CID', { cause });
  }
  const cid = cidFromBytes(bytes);
  if (cid !== text) throw new DtaError('document_invalid', 'not the canonical text of a CID');
  return cid;
}
