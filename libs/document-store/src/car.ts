import { cidFromBytes, cidToLink, type Cid } from '@dta/codec';
import * as CarBufferWriter from '@ipld/car/buffer-writer';
import { CarIndexer } from '@ipld/car/indexer';
import type { Batch } from './document-store.js';

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

/** Where each block of an archive lies. @throws Error for bytes that are none, `document_invalid` for a CID that isn't ours */
export async function blocksIn(archive: Uint8Array): Promise<BlockPlace[]> {
  const places: BlockPlace[] = [];
  for await (const { cid, blockOffset, blockLength } of await CarIndexer.fromBytes(archive)) {
    places.push({ cid: cidFromBytes(cid.bytes), offset: blockOffset, length: blockLength });
  }
  return places;
}
