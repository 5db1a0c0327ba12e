import { bytesEqual, concat, lengthPrefixed } from '@dta/codec';
import { sha256 } from '@dta/crypto';
import { DtaError, toDtaError } from '@dta/errors';
import { readdir, readFile } from 'node:fs/promises';
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
  readonly #options: Required<FolderOptions>;
  #taken: Uint8Array | null = null;
  #told = '';

  constructor(admission: Admission, folder: string, { log = silent, now = wallClock }: FolderOptions = {}) {
    this.#admission = admission;
    this.#folder = folder;
    this.#options = { log, now };
  }

  /**
   * Admits what stands in it, as {@link admitFiles}; nothing where that was taken already.
   *
   * @throws `start_failed` for a folder or a file that can't be read, and as {@link admitFiles}
   */
  async take(): Promise<void> {
    const files = await readFiles(this.#folder);
    const utf8 = new TextEncoder();
    const parts = files.flatMap(({ file, bytes }) => [utf8.encode(file), bytes].map(lengthPrefixed));
    const seen = sha256(concat(...parts));
    if (this.#taken !== null && bytesEqual(this.#taken, seen)) return;
    await admitFiles(this.#admission, this.#folder, files, this.#options);
    this.#taken = seen;
    this.#told = '';
  }

  /** The same while the node runs: what it would throw it logs, each sentence once. */
  async takeAgain(): Promise<void> {
    try {
      await this.take();
    } catch (error) {
      const { code, message } = toDtaError(error);
      if (message === this.#told) return;
      this.#told = message;
      this.#options.log.error(
        { code, reason: message },
        'what stands in the folder of admitted identities now can not be admitted',
      );
    }
  }
}

async function readFiles(folder: string): Promise<OwnFile[]> {
  const all = await readdir(folder).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read the folder of admitted identities, ${folder}`, { cause });
  });
  // a mounted folder has entries of its own beside the files, and an editor leaves some: their names begin with a dot
  const named = all.filter((file) => !file.startsWith('.')).sort();
  return Promise.all(named.map(async (file) => ({ file, bytes: await readOwn(join(folder, file)) })));
}

async function readOwn(file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new DtaError('start_failed', `cannot read ${file}`, { cause });
  }
}
