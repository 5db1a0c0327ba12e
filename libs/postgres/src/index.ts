export { type InstalledBinaries } from './binaries.js';
export {
  holdServerFolder,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres.js';
export { type FolderLock } from './folder-lock.js';
