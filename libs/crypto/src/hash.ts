import { hkdf as hkdfOfNoble } from '@noble/hashes/hkdf.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { createHash, hash, randomFillSync, timingSafeEqual as nodeTimingSafeEqual } from 'node:crypto';

/** SHA-256 over the chunks in turn, as over their concatenation; 32 bytes (FIPS 180-4). */
export function sha256(...chunks: Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return new Uint8Array(hash('sha256', only, 'buffer')); // two thirds of the price
  const parts = createHash('sha256');
  for (const chunk of chunks) parts.update(chunk);
  // Copied: node's Buffers may be views of a pool shared with other values.
  return new Uint8Array(parts.digest());
}

/**
 * HKDF-SHA256, extract and expand: `length` bytes, at most 255 · 32 (RFC 5869). The protocol's HKDF has no salt
 * unless it names one (docs/protocol.md §2).
 */
export function hkdf(
  ikm: Uint8Array,
  info: Uint8Array,
  length: number,
  salt: Uint8Array = new Uint8Array(),
): Uint8Array {
  return hkdfOfNoble(nobleSha256, ikm, salt, info, length); // on short inputs twice as fast as node's, which imports a key first
}

/** `length` bytes from the operating system's generator, by way of OpenSSL's. */
export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length));
}

/** Whether both hold the same bytes, in a time that depends on their lengths alone; false for different lengths. */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && nodeTimingSafeEqual(a, b);
}

/** Fills each with zeros. Copies made by the engine, by libraries or by BigInts are out of its reach. */
export function wipe(...secrets: Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/**
 * What `make` makes, with which `secrets` are handed on: from then on the caller wipes them. Where it throws, no caller gets
 * them, so they are wiped here.
 */
export async function handOn<T>(secrets: readonly Uint8Array[], make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    wipe(...secrets);
    throw error;
  }
}
