// Envelopes as a malicious sender makes them: each step of docs/protocol.md §3 written a second time, on node:crypto and
// HPKE alone, so that each can be done wrongly and the whole still be signed.
import { createCipheriv, createHash, hkdfSync } from 'node:crypto';
import { cidToBytes, concat, encodeCanonical, u32 } from '@dta/codec';
import { hpkeSeal, randomBytes } from '@dta/crypto';
import type { Recipient } from '@dta/envelope';
import { NOW, type TestNode } from './node.js';

/** What a malicious sender does otherwise; by default nothing. */
export interface Deviations {
  readonly header?: Record<string, unknown>;
  readonly unsigned?: (envelope: RawEnvelope) => RawEnvelope;
  readonly sealedKey?: (contentKey: Uint8Array) => Uint8Array;
  readonly place?: (at: number) => number;
  readonly keyCommitment?: (commitment: Uint8Array) => Uint8Array;
  readonly padded?: (padded: Uint8Array) => Uint8Array;
  readonly payload?: unknown;
  readonly recipients?: readonly Recipient[];
}

/** An envelope as it lies in its bytes. */
export interface RawEnvelope {
  readonly header: Record<string, unknown>;
  readonly N: Uint8Array;
  readonly Kcom: Uint8Array;
  readonly ct: Uint8Array;
  readonly wraps: readonly { readonly enc: Uint8Array; readonly ct: Uint8Array }[];
}

/** SHA-256 by node:crypto. */
export function hash(...parts: (Uint8Array | string)[]): Uint8Array {
  const sha = createHash('sha256');
  for (const part of parts) sha.update(part);
  return new Uint8Array(sha.digest());
}

/** Kenc ‖ Kcom [64] by node:crypto. */
export function contentKeys(contentKey: Uint8Array, salt: Uint8Array, headerHash: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', contentKey, salt, concat(Buffer.from('DTA-ENV1'), headerHash), 64));
}

/** u32(length) ‖ message ‖ zeros, to a multiple of 256: what Padmé gives too for the short messages of these tests. */
export function pad256(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(256);
  padded.set(concat(u32(message.length), message));
  return padded;
}

/** An envelope from `sender` to `recipients`, signed whatever is in it. */
export async function forgeEnvelope(
  sender: TestNode,
  recipients: readonly Recipient[],
  deviations: Deviations = {},
): Promise<Uint8Array> {
  const header = {
    ...{ v: 1, type: 'envelope', sender: cidToBytes(sender.identity.cid), from: sender.identity.roles[0] },
    ...{ order: null, prev: [], log: true, createdAt: NOW, nonce: randomBytes(16) },
    recipients: recipients.map(({ id, role, kem }) => ({ id: cidToBytes(id), role, key: hash(kem) })),
    ...deviations.header,
  };
  const headerHash = hash(encodeCanonical(header));
  const [contentKey, N] = [randomBytes(32), randomBytes(32)];
  const keys = contentKeys(contentKey, N, headerHash);
  const Kcom = deviations.keyCommitment?.(keys.slice(32)) ?? keys.slice(32);
  const binding = concat(headerHash, N, Kcom);

  const cipher = createCipheriv('aes-256-gcm', keys.subarray(0, 32), new Uint8Array(12));
  cipher.setAAD(binding);
  const padded = pad256(encodeCanonical(deviations.payload ?? [Uint8Array.of(1, 2, 3)]));
  const ct = concat(cipher.update(deviations.padded?.(padded) ?? padded), cipher.final(), cipher.getAuthTag());
  const wraps = await Promise.all(
    recipients.map(async ({ kem }, at) => {
      const info = concat(Buffer.from('DTA-ENV1-CEK'), hash(binding), u32(deviations.place?.(at) ?? at));
      const sealed = await hpkeSeal(kem, info, deviations.sealedKey?.(contentKey) ?? contentKey);
      return { enc: sealed.slice(0, 1120), ct: sealed.slice(1120) };
    }),
  );
  return signed(sender, deviations.unsigned?.({ header, N, Kcom, ct, wraps }) ?? { header, N, Kcom, ct, wraps });
}

/** The envelope with `sender`'s signature over it. */
export async function signed(sender: TestNode, unsigned: RawEnvelope): Promise<Uint8Array> {
  const sig = await sender.key.sign(concat(Buffer.from('DTA-ENVELOPE1'), hash(encodeCanonical(unsigned))));
  return encodeCanonical({ ...unsigned, sig });
}
