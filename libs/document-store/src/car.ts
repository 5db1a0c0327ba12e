import { bytesEqual, CID_BYTES, cidFromBytes, cidToLink, encodeCanonical, type Cid } from '@dta/codec';
import * as CarBufferWriter from '@ipld/car/buffer-writer';
import { MAX_BLOCKS, type Batch } from './document-store.js';

/** A batch as one content-addressable archive, version 1. @see https://ipld.io/specs/transport/car/carv1/ */
export function encodeCar({ root, blocks }: Batch): Uint8Array<ArrayBuffer> {
  const roots = [cidToLink(root)];
  const parts = blocks.map(({ cid, bytes }) => ({ cid: cidToLink(cid), bytes }));
  const length =
    CarBufferWriter.headerLength({ roots }) +
    parts.reduce((total, part) => total + CarBufferWriter.blockLength(part), 0);
  const archive = new ArrayBuffer(length);
  const writer = CarBufferWriter.createWriter(archive, { roots });
  for (const part of parts) writer.write(part);
  writer.close();
  return new Uint8Array(archive);
}

/** Where a block lies in an archive. */
export interface BlockPlace {
  readonly cid: Cid;
  readonly offset: number;
  readonly length: number;
}

/** Where the CID of the root stands in a header of one root. */
const ROOT_OFFSET = 13;

/**
 * Where each block of an archive lies that {@link encodeCar} could have written. The library's reader isn't used: an archive
 * may be anyone's, and the library takes any header, and any number of blocks, in a time to match.
 *
 * @throws Error for bytes that are no such archive, `document_invalid` for a CID that isn't ours
 */
export function blocksIn(archive: Uint8Array): BlockPlace[] {
  const places: BlockPlace[] = [];
  let { at, length } = sectionAt(archive, 0);
  const root = cidFromBytes(archive.subarray(at + ROOT_OFFSET, at + ROOT_OFFSET + CID_BYTES));
  if (!bytesEqual(archive.subarray(at, at + length), headerOf(root))) throw new Error('not the header of an archive');
  while (at + length < archive.length) {
    if (places.length === MAX_BLOCKS) throw new Error('an archive of more blocks than a batch has');
    ({ at, length } = sectionAt(archive, at + length));
    const cid = cidFromBytes(archive.subarray(at, Math.min(at + CID_BYTES, at + length)));
    places.push({ cid, offset: at + CID_BYTES, length: length - CID_BYTES });
  }
  return places;
}

function headerOf(root: Cid): Uint8Array {
  return encodeCanonical({ version: 1, roots: [cidToLink(root)] });
}

/** Where a section's bytes begin and how many it has; its length stands before it, seven bits a byte, the lowest first. */
function sectionAt(archive: Uint8Array, start: number): { at: number; length: number } {
  let [length, at] = [0, start];
  for (let place = 1; ; place *= 128) {
    const byte = archive[at++];
    if (byte === undefined || place > 2 ** 28) throw new Error('an archive without the length of a section');
    length += (byte & 0x7f) * place;
    if (byte < 0x80) break;
  }
  if (length > archive.length - at) throw new Error('an archive that was cut short');
  return { at, length };
}
