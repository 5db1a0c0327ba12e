import type { Cid } from '@dta/codec';
import { DtaError, isDtaError } from '@dta/errors';
import { decisionStatement, isStatement, parseStatement, revocationStatement } from '@dta/identity';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Admission } from './admission.js';

/**
 * Admits the identities whose documents stand in `folder`, ends chains whose Revocations do, and forks whose Decisions do.
 *
 * @throws `start_failed` for a folder that can't be read, or a file in it that is neither
 */
export async function admitFolder(admission: Admission, folder: string): Promise<void> {
  const all = await readdir(folder).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read the folder of admitted identities, ${folder}`, { cause });
  });
  // a mounted folder has entries of its own beside the files, and an editor leaves some: their names begin with a dot
  const named = all.filter((file) => !file.startsWith('.')).sort();
  const unknown = await Promise.all(named.map(async (file) => ({ file, document: await readOwn(join(folder, file)) })));
  // a successor may stand before its predecessor, a Decision before what it names
  for (let before = -1; unknown.length > 0 && before !== unknown.length;) {
    before = unknown.length;
    for (const entry of unknown.splice(0)) {
      await admitOrRevoke(admission, [entry.document]).catch((error: unknown) => {
        if (!isDtaError(error) || isDtaError(error, 'service_unavailable')) throw error; // it says nothing of the document
        unknown.push(entry);
      });
    }
  }
  if (unknown.length > 0) {
    const files = unknown.map(({ file }) => file).join(', ');
    throw new DtaError('start_failed', `no valid identity documents, Revocations or Decisions in ${folder}: ${files}`);
  }
}

async function readOwn(file: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new DtaError('start_failed', `cannot read ${file}`, { cause });
  }
}

/**
 * Takes what an operator gives of an identity: its documents, the newest last, the end of its chain, or that of a fork.
 *
 * @returns the CID of the newest document, or the one that the Revocation or the Decision names
 * @throws as `Admission.admit`, `Admission.revoke` and `Admission.decide`
 */
export async function admitOrRevoke(admission: Admission, documents: readonly Uint8Array[]): Promise<Cid> {
  const [bytes = new Uint8Array(), ...more] = documents;
  const end = more.length === 0 ? asEnd(bytes) : undefined;
  if (end === undefined) return (await admission.admit(documents)).cid;
  if (isStatement(revocationStatement, end)) await admission.revoke(bytes);
  else await admission.decide(bytes);
  return end.body.identity;
}

function asEnd(bytes: Uint8Array) {
  try {
    return parseStatement([revocationStatement, decisionStatement], bytes);
  } catch {
    return undefined; // a document, or nothing at all: admission says what is wrong with it
  }
}
