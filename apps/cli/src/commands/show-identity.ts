import { toHex } from '@dta/codec';
import { DtaError, isDtaError } from '@dta/errors';
import { identityStatement, parseStatement, readIdentity, type Identity } from '@dta/identity';
import { readFile } from 'node:fs/promises';
import { printable } from '../printable.js';
import { reasonOf } from '../reason-of.js';

/**
 * What an Identity Document says, once its form, keys and own signature are checked. Whether it is to be trusted is for
 * whoever compares the idDocumentCID.
 *
 * @throws `start_failed` where the file can't be read; `identity_invalid`, `non_canonical`, `too_large`
 */
export async function showIdentity(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  const { cid, name, roles, keys, prev, next, recovery } = readNamed(file, new Uint8Array(bytes));
  const { body } = parseStatement([identityStatement], new Uint8Array(bytes));
  const rows = {
    idDocumentCID: cid,
    name: printable(name),
    roles: roles.join(', '),
    created: new Date(body.createdAt).toISOString(),
    follows: prev ?? 'no other: the first of its chain',
    'signing key': `${toHex(keys.sign)} (Ed25519)`,
    'encryption key': `SHA-256 ${toHex(keys.kemHash)} (X-Wing)`,
    'next key': next === null ? 'none: the last of its chain' : `SHA-256 ${toHex(next)} (Ed25519)`,
    ...(recovery !== null && { 'recovery key': `${toHex(recovery)} (Ed25519)` }),
  };
  return Object.entries(rows)
    .map(([what, value]) => `${what.padEnd(16)}${value}`)
    .join('\n');
}

function readNamed(file: string, bytes: Uint8Array): Identity {
  try {
    return readIdentity(bytes);
  } catch (cause) {
    if (!isDtaError(cause)) throw cause;
    throw new DtaError(cause.code, `${file}: ${cause.message}`, { cause });
  }
}
