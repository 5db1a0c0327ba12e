// Puts batch after batch into the folder that it is given, and names the blocks of each once they are kept.
import { openFilesystemStore } from '@dta/document-store';
import { leaf, newBatch } from './blocks.js';

const [, , folder = ''] = process.argv;
const store = await openFilesystemStore(folder);
for (;;) {
  const batch = newBatch(Array.from({ length: 20 }, leaf));
  await store.put(batch);
  process.stdout.write(`${batch.blocks.map(({ cid }) => cid).join(' ')}\n`);
}
