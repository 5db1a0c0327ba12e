import { DtaError } from '@dta/errors';
import {
  generateSuccessor,
  MAX_GENERATIONS,
  readIdentity,
  type Identity,
  type KeyGeneration,
  type SigningKey,
} from '@dta/identity';
import { readKeyFile, replaceKeyFile } from '@dta/node';
import { rm } from 'node:fs/promises';
import {
  newSigningKey,
  openProtection,
  signingKeyOf,
  wipeGenerations,
  type KeyProtectionOptions,
} from './key-protection.js';
import { writeNew } from './write-new.js';

/** A node whose keys are to be changed, and where the new document goes. */
export interface RotatedIdentityFiles extends KeyProtectionOptions {
  readonly keyFile: string;
  readonly document: string;
  /** what people call it from now on; as before by default */
  readonly name?: string;
}

/**
 * Adds a generation of keys to a node's key file; the old ones stay in it, for what was sealed to them. The new document is
 * signed by both keys. Roles read the key file when they start.
 *
 * @returns the idDocumentCID of the new document
 * @throws `start_failed` where a file can't be read or written, `key_file_invalid`
 */
export async function rotateIdentity(
  files: RotatedIdentityFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { keyFile, document, name } = files;
  const { protection, signing, close } = await openProtection(files, environment);
  const generations: KeyGeneration[] = [];
  let signingKey: SigningKey | undefined;
  try {
    generations.push(...(await readKeyFile(keyFile, protection)));
    const [newest, predecessor] = newestOf(generations, keyFile);
    const predecessorKey = await signingKeyOf(newest, predecessor, signing);
    signingKey = await newSigningKey(files, signing);
    const said = { name: name ?? predecessor.name, now: Date.now() };
    const next = await generateSuccessor(predecessor, predecessorKey, said, signingKey);
    generations.push(next);
    await writeNew(document, next.document); // one without its key helps nobody, and harms nobody
    try {
      await replaceKeyFile(keyFile, generations, protection);
    } catch (error) {
      await rm(document);
      throw error;
    }
    return readIdentity(next.document).cid;
  } catch (error) {
    if (signingKey !== undefined) await signing?.destroy(signingKey.publicKey); // nobody knows it yet
    throw error;
  } finally {
    wipeGenerations(generations);
    await close();
  }
}

function newestOf(generations: readonly KeyGeneration[], keyFile: string): [KeyGeneration, Identity] {
  const newest = generations.at(-1);
  if (newest === undefined) throw new DtaError('key_file_invalid', `${keyFile} holds no key`);
  if (generations.length >= MAX_GENERATIONS) {
    throw new DtaError('key_file_invalid', `a chain has at most ${MAX_GENERATIONS} documents: make a new identity`);
  }
  return [newest, readIdentity(newest.document)];
}
