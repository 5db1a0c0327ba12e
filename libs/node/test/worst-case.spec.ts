// What outsiders may send before anyone knows who they are, made to be as dear to read as it can be, held against an honest
// message of the same size: by CPU time of the same process in the same run, a pair at a time, the median of several pairs.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf, cidToBytes, cidToLink, decodeCanonical, encodeCanonical } from '@dta/codec';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { decodeBundle, MAX_BUNDLE_BYTES, MAX_ENVELOPE_BYTES, parseEnvelope, parseSegment } from '@dta/envelope';
import { createIdentity, readIdentity, softwareSigningKey } from '@dta/identity';
import { openCall, sealCall } from '@dta/internal-call';
import { cpuOf, priceIn } from '@dta/testkit';
import fc from 'fast-check';

/** The most that a nasty message may cost, in honest messages of its size. */
const BOUND = 10;
const NOW = 1_700_000_000_000;
const MAX_DOCUMENT_BYTES = 128 * 1024;
/** What a document may hold and a little less, so that all of it is read: docs/protocol.md §2. */
const ITEMS = 3_900;
const ENTRIES = 500;

const anything = { items: Infinity, entries: Infinity, links: Infinity };
const bytesOf = (value: unknown) => encodeCanonical(value, anything);
const many = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: Math.max(0, Math.floor(count)) }, (_, at) => make(at));
const newCid = () => cidToBytes(cidOf(randomBytes(8)));
/** Two letters beyond ASCII, another pair for each number. */
const name = (at: number) => String.fromCodePoint(0x80 + (at % 1_900), 0x80 + Math.floor(at / 1_900));
const mapOf = (count: number, key: (at: number) => string) => Object.fromEntries(many(count, (at) => [key(at), 0]));
const within = (depth: number, value: unknown, wrap: (inner: unknown) => unknown): unknown =>
  depth === 0 ? value : wrap(within(depth - 1, value, wrap));

/** Values that are dear in one way each, of about `room` bytes and within the limits on items. */
const nasty: Readonly<Record<string, (room: number) => unknown>> = {
  integers: (room) => many(Math.min(room, ITEMS), () => 0),
  'large integers': (room) => many(Math.min(room / 9, ITEMS), () => 2n ** 63n),
  'empty lists': (room) => many(Math.min(room, ITEMS), () => []),
  'empty maps': (room) => many(Math.min(room, ITEMS), () => ({})),
  'maps of one key each': (room) => many(Math.min(room / 6, ITEMS / 3), (at) => ({ [name(at)]: 0 })),
  'large maps': (room) => many(Math.min(room / (6 * ENTRIES), 3), () => mapOf(ENTRIES, name)),
  'maps of numbers and names': (room) =>
    many(Math.min(room / (10 * ENTRIES), 3), (which) => ({
      ...mapOf(ENTRIES / 2, (at) => String(4_000_000_000 + 1_000 * at + which)),
      ...mapOf(ENTRIES / 2, name),
    })),
  'long keys that differ at their ends': (room) =>
    mapOf(Math.min(room / 16, ENTRIES), (at) => 'é'.repeat(Math.max(1, room / (2 * ENTRIES) - 8)) + name(at)),
  'short texts': (room) => many(Math.min(room / 6, ITEMS), (at) => name(at)),
  texts: (room) => many(Math.min(room / 64, ITEMS), () => 'é'.repeat(30)),
  'one long text': (room) => 'é'.repeat(room / 2 - 16),
  'empty byte strings': (room) => many(Math.min(room, ITEMS), () => new Uint8Array()),
  'byte strings that are no CIDs': (room) => many(Math.min(room / 38, ITEMS), () => new Uint8Array(36)),
  CIDs: (room) => many(Math.min(room / 38, ITEMS), newCid),
  'one byte string': (room) => new Uint8Array(Math.max(0, room - 16)),
  links: (room) => many(Math.min(room / 41, 990), (at) => cidToLink(cidOf(bytesOf(at)))),
  'deep lists': (room) => many(Math.min(room / 55, ITEMS / 55), () => within(50, [], (inner) => [inner])),
  'deep maps': (room) => many(Math.min(room / 160, ITEMS / 110), () => within(50, {}, (inner) => ({ a: inner }))),
};

/** A map of as many keys as fit, in no order: what stopped a node. */
function shuffledKeys(room: number): Uint8Array {
  const entries = many((room - 5) / 6, (at) =>
    Buffer.concat([Buffer.from([0x64]), Buffer.from(name(at)), Buffer.of(0)]),
  );
  const head = Buffer.from([0xba, 0, 0, 0, 0]);
  head.writeUInt32BE(entries.length, 1);
  // by a step that is prime to their number or nearly so: all in another order, the same in each run
  return Buffer.concat([head, ...entries.map((_, at) => entries[(at * 7_919) % entries.length] ?? Buffer.of())]);
}

/** A list of one item of one byte, again and again. */
function listOf(room: number, item: number): Uint8Array {
  const list = Buffer.alloc(room, item);
  list.writeUInt8(0x9a);
  list.writeUInt32BE(room - 5, 1);
  return list;
}

/** Bytes that are refused as a whole, of `room` bytes. */
const floods: Readonly<Record<string, (room: number) => Uint8Array>> = {
  'a map of keys in no order': shuffledKeys,
  'a list of integers': (room) => listOf(room, 0x00),
  'a list of empty maps': (room) => listOf(room, 0xa0),
  'lists in lists': (room) => new Uint8Array(room).fill(0x81),
  'lists that claim to be long': (room) => new Uint8Array(room).fill(0x9a),
  'text that is UTF-8 but for its end': (room) => {
    const text = Buffer.from(bytesOf('é'.repeat(room / 2 - 8)));
    text.writeUInt8(0xff, text.length - 1);
    return text;
  },
  'one byte string': (room) => bytesOf(new Uint8Array(room - 8)),
};

interface Read {
  readonly maxBytes: number;
  /** an honest message, near that size */
  readonly honest: Uint8Array;
  /** reads it as a stranger's is read */
  readonly read: (bytes: Uint8Array) => unknown;
}

const decoders: Record<string, Read> = {};

beforeAll(async () => {
  const { publicKey: kem } = await kemKeyPair();
  const said = { name: 'node', roles: ['fiduciary'] as const, kem, now: NOW };
  const extension = { note: 'x'.repeat(MAX_DOCUMENT_BYTES - 4_096) };
  const identity = await createIdentity({ ...said, extension }, softwareSigningKey(randomBytes(32)));
  const call = { psk: new Uint8Array(32), subject: 's', gateway: 'g', now: NOW };
  const sealed = sealCall({ ...call, body: randomBytes(1_000_000) });
  const envelope = {
    header: {
      ...{ v: 1, type: 'envelope', sender: newCid(), from: 'principal', order: newCid(), prev: [newCid()], log: true },
      ...{ createdAt: NOW, nonce: randomBytes(16) },
      recipients: many(4, () => ({ id: newCid(), role: 'fiduciary', key: randomBytes(32) })),
    },
    ...{ N: randomBytes(32), Kcom: randomBytes(32), ct: randomBytes(250_000), sig: randomBytes(64) },
    wraps: many(4, () => ({ enc: randomBytes(1120), ct: randomBytes(48) })),
  };
  const bundle = {
    envelopes: many(4, () => randomBytes(200_000)),
    attachments: many(60, () => randomBytes(1_216)),
    identities: many(100, () => randomBytes(1_500)),
  };
  const segment = {
    body: {
      ...{ v: 1, type: 'segment', issuer: newCid(), order: null, createdAt: NOW, nonce: randomBytes(16) },
      ...{ role: 'principal', seq: 5, prev: newCid() },
      envelopes: many(1_000, () => cidToLink(cidOf(randomBytes(8)))),
    },
    signatures: [randomBytes(64)],
  };
  const reply = { salt: randomBytes(16), ciphertext: randomBytes(1_000_000) };
  Object.assign(decoders, {
    bundle: { maxBytes: MAX_BUNDLE_BYTES, honest: bytesOf(bundle), read: decodeBundle },
    envelope: { maxBytes: MAX_ENVELOPE_BYTES, honest: bytesOf(envelope), read: parseEnvelope },
    'identity document': { maxBytes: MAX_DOCUMENT_BYTES, honest: identity.bytes, read: readIdentity },
    segment: { maxBytes: MAX_DOCUMENT_BYTES, honest: bytesOf(segment), read: parseSegment },
    'internal call': {
      maxBytes: 1024 * 1024,
      honest: sealed.bytes,
      read: (bytes) => openCall([call.psk], call.subject, bytes, NOW),
    },
    'reply to an internal call': { maxBytes: 1024 * 1024, honest: bytesOf(reply), read: sealed.openReply },
  } satisfies Record<string, Read>);
});

const priceOf = ({ read, honest }: Read, bytes: Uint8Array) =>
  priceIn(
    () => read(honest),
    () => read(bytes),
    BOUND,
  );

/** Every place in a document, of a list the first member's. */
function placesIn(value: unknown, place: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || 'asCID' in value) return [place];
  const names = Object.keys(value).slice(0, Array.isArray(value) ? 1 : undefined);
  return [place, ...names.flatMap((key) => placesIn((value as Record<string, unknown>)[key], [...place, key]))]; // one of its keys
}

/** The document with something else in one place. */
function put(document: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const inner = put((document as Record<string, unknown>)[key], rest, value); // placesIn has been there
  if (Array.isArray(document)) return [inner, ...document.slice(1)];
  return typeof document === 'object' ? { ...document, [key]: inner } : inner;
}

/** The honest document with something nasty in one place, as large as may be; null where there is no room. */
function spoiled(
  { honest, maxBytes }: Read,
  place: readonly string[],
  make: (room: number) => unknown,
): Uint8Array | null {
  const document = decodeCanonical(honest, maxBytes);
  const room = maxBytes - bytesOf(put(document, place, 0)).length - 64;
  if (room < 128) return null;
  const bytes = bytesOf(put(document, place, make(room)));
  return bytes.length <= maxBytes ? bytes : null;
}

function decoderNamed(what: string): Read {
  const decoder = decoders[what];
  if (decoder === undefined) throw new Error(`no decoder ${what}`);
  return decoder;
}

describe.each(['bundle', 'envelope', 'identity document', 'segment', 'internal call', 'reply to an internal call'])(
  'a nasty %s costs at most ten honest ones',
  (what) => {
    test('with anything in any place', () => {
      const decoder = decoderNamed(what);
      cpuOf(() => decoder.read(decoder.honest), 200); // so that both sides of a pair are compiled
      const tooDear: string[] = [];
      let tried = 0;
      for (const place of placesIn(decodeCanonical(decoder.honest, decoder.maxBytes))) {
        for (const [kind, make] of Object.entries(nasty)) {
          const bytes = spoiled(decoder, place, make);
          if (bytes === null) continue;
          tried += 1;
          const price = priceOf(decoder, bytes);
          if (price > BOUND) tooDear.push(`${kind} at ${place.join('.')}: ${price.toFixed(1)}`);
        }
      }
      expect(tooDear).toEqual([]);
      expect(tried).toBeGreaterThan(50);
    }, 300_000);

    test.each(Object.keys(floods))('that is %s', (kind) => {
      const decoder = decoderNamed(what);
      const bytes = floods[kind]?.(decoder.maxBytes) ?? new Uint8Array();
      expect(bytes.length).toBeLessThanOrEqual(decoder.maxBytes);
      expect(bytes.length).toBeGreaterThan(decoder.maxBytes / 2);
      expect(priceOf(decoder, bytes)).toBeLessThan(BOUND);
    });

    test('with several nasty things beside and in one another', () => {
      const decoder = decoderNamed(what);
      const places = placesIn(decodeCanonical(decoder.honest, decoder.maxBytes));
      const kinds = fc.array(fc.constantFrom(...Object.values(nasty)), { minLength: 2, maxLength: 4 });
      const depth = fc.nat({ max: 5 }); // with what is 50 deep, and lies in the message a few deep, no more than may be
      fc.assert(
        fc.property(fc.constantFrom(...places), kinds, depth, (place, makes, deep) => {
          const bytes = spoiled(decoder, place, (room) =>
            within(
              deep,
              makes.map((make) => make((room - 3 * deep) / makes.length - 16)),
              (inner) => ({ a: inner }),
            ),
          );
          return bytes === null || priceOf(decoder, bytes) <= BOUND;
        }),
        { numRuns: 60, endOnFailure: true },
      );
    }, 300_000);
  },
);
