/** Bytes that must not be found where they don't belong, and what they are called when they are. */
export interface Needle {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Says which needles are in some bytes, each with the form it was found in. */
export type NeedleSearch = (haystack: Uint8Array) => string[];

interface Pattern {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Every form in which bytes may come to lie somewhere by mistake. */
function formsOf({ name, bytes }: Needle): Pattern[] {
  const raw = Buffer.from(bytes);
  const hex = raw.toString('hex');
  const texts: Record<string, string> = {
    hex,
    'hex in capitals': hex.toUpperCase(),
    'hex in pairs': hex.match(/../g)?.join(' ') ?? hex, // as node prints a Buffer
    'a decimal number': BigInt(`0x${hex}`).toString(),
    'a list of numbers': raw.join(','), // JSON of an array
    'an object of numbers': [...raw].map((byte, at) => `"${at}":${byte}`).join(','), // JSON of a Uint8Array
    ...base64Texts(raw),
  };
  return [
    { name: `${name}, raw`, bytes: raw },
    { name: `${name}, reversed`, bytes: Buffer.from(raw).reverse() }, // as V8 keeps a BigInt
    { name: `${name}, hex in UTF-16`, bytes: Buffer.from(hex, 'utf16le') },
    ...Object.entries(texts).map(([form, text]) => ({ name: `${name}, ${form}`, bytes: Buffer.from(text) })),
  ];
}

/** Base64 of the bytes wherever they begin in a longer text: only the characters that they alone make. */
function base64Texts(raw: Buffer): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), raw]);
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6)];
    texts[`base64 (${before})`] = padded.toString('base64').slice(from, to);
    texts[`base64url (${before})`] = padded.toString('base64url').slice(from, to);
  }
  return texts;
}

const PREFIX_BYTES = 3;

/** Searches for all forms of all needles in one pass, so that a process's whole memory takes seconds. */
export function searchFor(needles: readonly Needle[]): NeedleSearch {
  const beginsHere = new Uint8Array(1 << (8 * PREFIX_BYTES));
  const byPrefix = new Map<number, Pattern[]>();
  for (const pattern of needles.flatMap(formsOf)) {
    const prefix = pattern.bytes.readUIntBE(0, PREFIX_BYTES);
    beginsHere[prefix] = 1;
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), pattern]);
  }
  return (haystack) => {
    const found = new Set<string>();
    const bytes = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length);
    let prefix = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      prefix = ((prefix << 8) | (bytes[at] ?? 0)) & 0xff_ff_ff;
      if (beginsHere[prefix] !== 1) continue;
      const start = at - PREFIX_BYTES + 1;
      for (const pattern of byPrefix.get(prefix) ?? []) {
        if (start >= 0 && bytes.subarray(start, start + pattern.bytes.length).equals(pattern.bytes))
          found.add(pattern.name);
      }
    }
    return [...found];
  };
}
