export { type Batch, type Block, type DocumentStore } from './document-store.js';
export { openFilesystemStore } from './filesystem/open-filesystem-store.js';
export { openKuboStore, type KuboStoreOptions } from './kubo/open-kubo-store.js';
