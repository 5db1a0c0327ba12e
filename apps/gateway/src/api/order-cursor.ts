import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  orderPlaceSchema,
  orderStateSchema,
  cidText,
  type Cid,
  type OrderPlace,
  type OrderState,
} from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { z } from 'zod';

/** Which orders a list shows, in which order. */
export interface OrderFilter {
  readonly sortBy: 'dateCreatedAsc' | 'dateCreatedDsc';
  readonly state: OrderState | null;
  readonly beneficiary: Cid | null;
}

/** A list of orders, and the last of them that was shown. */
export interface ListPlace extends OrderFilter {
  readonly after: OrderPlace;
}

const VERSION = 1;
const TAG_BYTES = 16;

const payload = z.strictObject({
  sortBy: z.enum(['dateCreatedAsc', 'dateCreatedDsc']),
  state: orderStateSchema.nullable(),
  beneficiary: cidText.nullable(),
  after: orderPlaceSchema,
});

/**
 * Cursors of lists of orders: a place in a list as text, which clients hand back and don't read. A version, an HMAC-SHA-256 of
 * 16 bytes, and JSON, in base64url. All replicas of a gateway take one another's.
 */
export class OrderCursors {
  readonly #key: Uint8Array;
  readonly #keys: readonly Uint8Array[];

  /**
   * @param psks keys [32] that the gateway shares with its principal, one or more while it is replaced; the cursors' own are
   * made of them by HKDF (RFC 5869), and one of its own where there are none
   */
  constructor([first = randomBytes(32), ...others]: readonly Uint8Array[]) {
    this.#key = keyOf(first);
    this.#keys = [this.#key, ...others.map(keyOf)];
  }

  write(place: ListPlace): string {
    const bytes = Buffer.from(JSON.stringify(payload.encode(place)));
    return Buffer.concat([Uint8Array.of(VERSION), tagOf(this.#key, bytes), bytes]).toString('base64url');
  }

  /** @throws `cursor_invalid` for a text that {@link write} didn't give, under one of its keys and in this version */
  read(cursor: string): ListPlace {
    const all = Buffer.from(cursor, 'base64url');
    const tag = all.subarray(1, 1 + TAG_BYTES);
    const bytes = all.subarray(1 + TAG_BYTES);
    const isOurs =
      all.toString('base64url') === cursor && // the decoder leaves out what isn't of its alphabet
      all[0] === VERSION &&
      tag.length === TAG_BYTES &&
      this.#keys.some((key) => timingSafeEqual(tag, tagOf(key, bytes)));
    if (!isOurs) throw new DtaError('cursor_invalid', 'the cursor is none of this gateway: begin again without one');
    return payload.parse(JSON.parse(bytes.toString()));
  }
}

function keyOf(psk: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', psk, new Uint8Array(), 'dta order-cursor 1', 32));
}

function tagOf(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(Uint8Array.of(VERSION)).update(bytes).digest().subarray(0, TAG_BYTES);
}
