import { bytesEqual, concat, lengthPrefixed } from '@dta/codec';
import { sha256 } from '@dta/crypto';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import { MAX_STATEMENT_BYTES } from '@dta/identity';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { admitFiles, type OwnFile } from './admit-documents.js';
import type { Admission } from './admission.js';
import { silent, type AdmissionLog } from './chains.js';
import { wallClock } from './clock.js';

/** What the folder of admitted identities goes by. */
export interface FolderOptions {
  readonly log?: AdmissionLog;
  /** Unix ms; the system's clock by default */
  readonly now?: () => number;
}

/**
 * A folder whose Identity Documents, Decisions and Revocations are admitted: at the start, and again whenever what stands in
 * it is other than before. What is taken out of it stays admitted: a Revocation ends a chain, not a missing file.
 */
export class AdmittedFolder {
  readonly #admission: Admission;
  readonly #folder: string;
  readonly #log: AdmissionLog;
  readonly #now: () => number;
  #taken: Uint8Array | null = null;
  #seen: Uint8Array | null = null;
  /** what was logged of the folder as it stands */
  readonly #told = new Set<string>();

  constructor(admission: Admission, folder: string, { log = silent, now = wallClock }: FolderOptions = {}) {
    this.#admission = admission;
    this.#folder = folder;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Admits what stands in it, as {@link admitFiles}.
   *
   * @throws `start_failed` for a folder or a file that can't be read, and as {@link admitFiles}
   */
  async take(): Promise<void> {
    const files = await readFiles(this.#folder);
    await this.#admit(files, hashOf(files));
  }

  /**
   * The same while the node runs, where it stands as it did at the last look, and was not taken so: of a chain that is being
   * copied an older document alone would be taken for the live one. What it would throw it logs, each sentence once.
   */
  async takeAgain(): Promise<void> {
    try {
      const files = await this.#read();
      const hash = hashOf(files);
      const isSteady = this.#seen !== null && bytesEqual(this.#seen, hash);
      if (!isSteady) this.#told.clear();
      this.#seen = hash;
      if (isSteady && !(this.#taken !== null && bytesEqual(this.#taken, hash))) await this.#admit(files, hash);
    } catch (error) {
      const { code, message } = toDtaError(error);
      this.#tell({ code, reason: message, ...(code === 'internal' && { err: error }) }, CHANGED, message);
    }
  }

  /** As it stands; after it couldn't be read it counts as changed, so that the next time is told of too. */
  async #read(): Promise<OwnFile[]> {
    try {
      return await readFiles(this.#folder);
    } catch (error) {
      this.#seen = null;
      throw error;
    }
  }

  async #admit(files: readonly OwnFile[], hash: Uint8Array): Promise<void> {
    const log: AdmissionLog = {
      error: (fields, sentence) => this.#tell(fields, sentence, JSON.stringify([sentence, fields])),
      info: (fields, sentence) => this.#log.info(fields, sentence),
    };
    const isWhole = await admitFiles(this.#admission, this.#folder, files, { log, now: this.#now });
    this.#taken = isWhole ? hash : null;
    this.#seen = hash;
  }

  #tell(fields: object, sentence: string, once: string): void {
    if (this.#told.has(once)) return;
    this.#told.add(once);
    this.#log.error(fields, sentence);
  }
}

const CHANGED = 'what stands in the folder of admitted identities now can not be admitted';
const FILES_MAX = 10_000;

function hashOf(files: readonly OwnFile[]): Uint8Array {
  const utf8 = new TextEncoder();
  return sha256(concat(...files.flatMap(({ file, bytes }) => [utf8.encode(file), bytes].map(lengthPrefixed))));
}

async function readFiles(folder: string): Promise<OwnFile[]> {
  const all = await readdir(folder).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read the folder of admitted identities, ${folder}`, { cause });
  });
  // a mounted folder has entries of its own beside the files, and an editor leaves some: their names begin with a dot
  const named = all.filter((file) => !file.startsWith('.')).sort();
  if (named.length > FILES_MAX) throw new DtaError('start_failed', `${folder} holds more than ${FILES_MAX} files`);
  return Promise.all(named.map(async (file) => ({ file, bytes: await readOwn(join(folder, file)) })));
}

async function readOwn(file: string): Promise<Uint8Array> {
  try {
    const found = await stat(file); // of what a link leads to: a mounted folder is made of them
    if (!found.isFile() || found.size > MAX_STATEMENT_BYTES) {
      throw new DtaError('start_failed', `${file} is no file of at most ${MAX_STATEMENT_BYTES / 1024} KiB`);
    }
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    if (isDtaError(cause)) throw cause;
    throw new DtaError('start_failed', `cannot read ${file}`, { cause });
  }
}
