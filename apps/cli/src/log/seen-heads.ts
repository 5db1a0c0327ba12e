import { parseCid, type Cid } from '@dta/codec';
import type { SeenHead } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { roles, type Role } from '@dta/identity';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { reasonOf } from '../reason-of.js';

const cid = z.string().transform((text) => parseCid(text));
const seenFile = z.strictObject({
  logs: z.array(z.strictObject({ identity: cid, role: z.enum(roles), segment: cid, seq: z.int().min(0) })),
});

/** The newest heads that were found sound, by identity chain and role, in a file; in memory alone where there is none. */
export class SeenHeads {
  readonly #file: string | undefined;
  readonly #heads = new Map<string, { identity: Cid; role: Role; head: SeenHead }>();

  private constructor(file: string | undefined) {
    this.#file = file;
  }

  /** @throws `start_failed` where the file can't be read, or isn't such a file: then it stays as it is */
  static async open(file: string | undefined): Promise<SeenHeads> {
    const seen = new SeenHeads(file);
    const text = file === undefined ? undefined : await readIfThere(file);
    if (text === undefined) return seen;
    for (const { identity, role, segment, seq } of parse(text, file)) seen.note(identity, role, { segment, seq });
    return seen;
  }

  find(identity: Cid, role: Role): SeenHead | undefined {
    return this.#heads.get(`${identity} ${role}`)?.head;
  }

  note(identity: Cid, role: Role, head: SeenHead): void {
    this.#heads.set(`${identity} ${role}`, { identity, role, head });
  }

  /** Writes the file, whole or not at all. @throws `start_failed` */
  async save(): Promise<void> {
    if (this.#file === undefined) return;
    const logs = [...this.#heads.values()].map(({ identity, role, head }) => ({ identity, role, ...head }));
    const unfinished = `${this.#file}.${process.pid}`;
    try {
      const handle = await open(unfinished, 'w');
      await handle.writeFile(`${JSON.stringify({ logs }, null, 2)}\n`);
      await handle.sync();
      await handle.close();
      await rename(unfinished, this.#file);
    } catch (cause) {
      await rm(unfinished, { force: true });
      throw new DtaError('start_failed', `cannot write ${this.#file}: ${reasonOf(cause)}`, { cause });
    }
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (reasonOf(cause) === 'ENOENT') return undefined;
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
}

function parse(text: string, file: string | undefined): z.output<typeof seenFile>['logs'] {
  try {
    return seenFile.parse(JSON.parse(text)).logs;
  } catch (cause) {
    throw new DtaError('start_failed', `${file} holds no heads of logs, and stays as it is`, { cause });
  }
}
