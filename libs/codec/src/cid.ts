import { hash } from 'node:crypto';
import { DtaError } from '@dta/errors';
import { base32 } from 'multiformats/bases/base32';
import { CID } from 'multiformats/cid';
import { bytesEqual, concat } from './bytes.js';

/** A content identifier as text: version 1, dag-cbor, sha2-256, base32 (59 characters). In documents it is its 36 bytes. */
export type Cid = string & { readonly cid: unique symbol };

/** Length of a CID in documents and hashes. */
export const CID_BYTES = 36;

/** Version 1, codec dag-cbor (0x71), multihash sha2-256 (0x12) of 32 bytes. */
const PREFIX = Uint8Array.of(0x01, 0x71, 0x12, 0x20);

/** The CID of a dag-cbor block, computed from its bytes. */
export function cidOf(block: Uint8Array): Cid {
  return cidFromBytes(concat(PREFIX, hash('sha256', block, 'buffer')));
}

/** @throws `document_invalid` unless `bytes` are a CID version 1, dag-cbor, sha2-256. */
export function cidFromBytes(bytes: Uint8Array): Cid {
  if (bytes.length !== CID_BYTES || !bytesEqual(bytes.subarray(0, PREFIX.length), PREFIX)) {
    throw new DtaError('document_invalid', 'not a CID version 1 with dag-cbor and sha2-256');
  }
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
