import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify, type KeyObject } from 'node:crypto';

// The protocol's encodings written down a second time, on node:crypto alone, so that a change of a byte is noticed.

/** What a document holds. */
export type Plain =
  null | boolean | number | string | Uint8Array | readonly Plain[] | { readonly [key: string]: Plain };

/** DAG-CBOR: lengths as short as they go, map keys by length, then by bytes. */
export function cbor(value: Plain): Buffer {
  if (value === null) return Buffer.of(0xf6);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'number') return head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const entries = Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, member]) => [cbor(key), cbor(member)])]);
}

function head(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.of(type | value);
  if (value < 0x100) return Buffer.of(type | 24, value);
  if (value < 0x1_0000) return Buffer.of(type | 25, value >> 8, value & 0xff);
  const wide = Buffer.alloc(9);
  if (value < 0x1_0000_0000) {
    wide[0] = type | 26;
    wide.writeUInt32BE(value, 1);
    return wide.subarray(0, 5);
  }
  wide[0] = type | 27;
  wide.writeBigUInt64BE(BigInt(value), 1);
  return wide;
}

export function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  return createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
}

export function hkdf(ikm: Uint8Array, info: readonly (string | Uint8Array)[], length: number): Buffer {
  const joined = Buffer.concat(info.map((part) => Buffer.from(part)));
  return Buffer.from(hkdfSync('sha256', ikm, new Uint8Array(), joined, length));
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The 36 bytes of a block's CID: version 1, dag-cbor, sha2-256. */
export function cidBytes(block: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x01, 0x71, 0x12, 0x20), sha256(block)]);
}

/** A CID as text: "b" and base32 in small letters, without padding (RFC 4648 §6). */
export function cidText(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.padEnd(Math.ceil(bits.length / 5) * 5, '0').match(/.{5}/g) ?? [];
  return `b${groups.map((group) => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(group, 2)]).join('')}`;
}

/** An Ed25519 key of a seed [32] (RFC 8410), and its public bytes. */
export function ed25519(seed: Uint8Array): { key: KeyObject; publicBytes: Buffer } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const publicBytes = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(12);
  return { key, publicBytes };
}

/** The bytes of a statement: its body, and the signature over "DTA-STATEMENT1" ‖ SHA-256(dag-cbor(body)). */
export function statement(body: Plain, key: KeyObject): Buffer {
  const signature = sign(null, Buffer.concat([Buffer.from('DTA-STATEMENT1'), sha256(cbor(body))]), key);
  return cbor({ body, signatures: [signature] });
}

/** Whether `signature` is over `body` by `key`. */
export function signed(body: Plain, signature: Uint8Array, key: KeyObject): boolean {
  const message = Buffer.concat([Buffer.from('DTA-STATEMENT1'), sha256(cbor(body))]);
  return verify(null, message, createPublicKey(key), signature);
}
