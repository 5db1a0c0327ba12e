import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cidOf, cidToLink, encodeCanonical } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Batch, Block, DocumentStore } from '../document-store.js';

/** Opens the store under test once more, as another process that uses it would. */
export type OpenStore = () => Promise<DocumentStore>;

/** One promise of the {@link DocumentStore} port, checked. */
export interface ComplianceCase {
  readonly name: string;
  /** Rejects with an `AssertionError` where the promise isn't kept. What it puts stays: a store forgets nothing. */
  run(open: OpenStore): Promise<void>;
}

/** A new document that holds `bytes`. */
function leaf(bytes: Uint8Array = randomBytes(100)): Block {
  return blockOf(encodeCanonical({ bytes }));
}

/** What a large leaf has beside its bytes. */
const LEAF_HEAD_BYTES = encodeCanonical({ bytes: new Uint8Array(65_536) }).length - 65_536;

/** A new document that links to others. */
function rootOf(leaves: readonly Block[]): Block {
  return blockOf(encodeCanonical({ nonce: randomBytes(16), links: leaves.map(({ cid }) => cidToLink(cid)) }));
}

function blockOf(bytes: Uint8Array): Block {
  return { cid: cidOf(bytes), bytes };
}

function batchOf(leaves: readonly Block[]): Batch {
  const root = rootOf(leaves);
  return { root: root.cid, blocks: [root, ...leaves] };
}

/** Every case by name. */
const cases: Readonly<Record<string, (open: OpenStore) => Promise<void>>> = {
  async 'gives every block of a batch as it was put, from a few bytes to 256 KiB'(open) {
    const store = await open();
    const batch = batchOf([0, 1, 1_000, 65_536, 262_000].map((length) => leaf(randomBytes(length))));
    await store.put(batch);
    await holdsAll(store, batch);
  },

  async 'keeps a document that stands alone'(open) {
    const store = await open();
    const alone = leaf();
    await store.put({ root: alone.cid, blocks: [alone] });
    assert.ok(same(await store.get(alone.cid), alone.bytes));
  },

  async 'keeps 500 blocks in one batch'(open) {
    const store = await open();
    const batch = batchOf(Array.from({ length: 500 }, () => leaf(randomBytes(2_000))));
    await store.put(batch);
    await holdsAll(store, batch);
  },

  async 'keeps the largest batch there may be, of 1,001 blocks, and the largest block, of 1 MiB'(open) {
    const store = await open();
    const many = batchOf(Array.from({ length: 1_000 }, () => leaf()));
    const large = batchOf([leaf(randomBytes(1024 * 1024 - LEAF_HEAD_BYTES))]);
    for (const batch of [many, large]) {
      await store.put(batch);
      const [first, last] = [batch.blocks[0], batch.blocks.at(-1)];
      for (const block of [first, last])
        if (block !== undefined) assert.ok(same(await store.get(block.cid), block.bytes));
    }
  },

  async 'refuses a larger batch and a larger block, and keeps nothing of it'(open) {
    const store = await open();
    const full = batchOf(Array.from({ length: 1_000 }, () => leaf())); // no document has more links
    const many = { root: full.root, blocks: [...full.blocks, leaf()] };
    const large = batchOf([leaf(randomBytes(1024 * 1024 - LEAF_HEAD_BYTES + 1))]);
    for (const batch of [many, large]) await refuses('block_invalid', store.put(batch));
    await Promise.all([many, large].map(({ root }) => refuses('block_not_found', store.get(root))));
  },

  async 'takes the same batch again'(open) {
    const store = await open();
    const batch = batchOf([leaf(), leaf()]);
    for (let time = 0; time < 3; time++) await store.put(batch);
    await Promise.all([store.put(batch), store.put(batch)]);
    await holdsAll(store, batch);
  },

  async 'takes batches that share blocks'(open) {
    const store = await open();
    const shared = leaf();
    const batches = [batchOf([shared, leaf()]), batchOf([leaf(), shared])];
    for (const batch of batches) await store.put(batch);
    for (const batch of batches) await holdsAll(store, batch);
  },

  async 'takes 8 batches at a time'(open) {
    const store = await open();
    const batches = Array.from({ length: 8 }, () => batchOf([leaf(), leaf(), leaf()]));
    await Promise.all(batches.map((batch) => store.put(batch)));
    for (const batch of batches) await holdsAll(store, batch);
  },

  async 'gives what another who opened it put, at once and after'(open) {
    const [one, another] = [await open(), await open()];
    const batch = batchOf([leaf()]);
    await Promise.all([one.put(batch), another.put(batch)]);
    await holdsAll(another, batch);
    await holdsAll(await open(), batch);
  },

  async 'leaves its inputs as they were and keeps no hold of them'(open) {
    const store = await open();
    const block = leaf();
    const given = { cid: block.cid, bytes: Uint8Array.from(block.bytes) };
    await store.put({ root: given.cid, blocks: [given] });
    assert.ok(same(given.bytes, block.bytes));
    given.bytes.fill(0);
    const got = await store.get(block.cid);
    assert.ok(same(got, block.bytes));
    got.fill(0);
    assert.ok(same(await store.get(block.cid), block.bytes));
  },

  async 'refuses a batch with bytes that are not what their CID names, and keeps nothing of it'(open) {
    const store = await open();
    const [sound, other] = [leaf(), leaf()];
    const forged = { cid: other.cid, bytes: Uint8Array.from(other.bytes, (byte, at) => (at === 9 ? byte ^ 1 : byte)) };
    const batch = batchOf([sound, forged]);
    await refuses('block_invalid', store.put(batch));
    await Promise.all(batch.blocks.map(({ cid }) => refuses('block_not_found', store.get(cid))));
  },

  async 'refuses a batch without its root, and keeps nothing of it'(open) {
    const store = await open();
    const [sound, absent] = [leaf(), leaf()];
    await refuses('block_invalid', store.put({ root: absent.cid, blocks: [sound] }));
    await refuses('block_invalid', store.put({ root: absent.cid, blocks: [] }));
    await refuses('block_not_found', store.get(sound.cid));
  },

  async 'says of a block that is not there that it is not'(open) {
    const store = await open();
    await refuses('block_not_found', store.get(leaf().cid));
  },

  async 'says what it is'(open) {
    assert.match((await open()).kind, /^[a-z0-9]+$/);
  },
};

/** What every adapter of {@link DocumentStore} keeps. Cases make documents of their own, so they may share a store. */
export const documentStoreCompliance: readonly ComplianceCase[] = Object.entries(cases).map(([name, run]) => ({
  name,
  run,
}));

async function holdsAll(store: DocumentStore, { blocks }: Batch): Promise<void> {
  for (const { cid, bytes } of blocks) assert.ok(same(await store.get(cid), bytes), cid);
}

async function refuses(code: DtaError['code'], outcome: Promise<unknown>): Promise<void> {
  const error: unknown = await outcome.then(
    () => assert.fail('expected a refusal'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DtaError, `expected a DtaError, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
