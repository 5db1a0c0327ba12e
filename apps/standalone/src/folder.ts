import { custodyProtection, openCustody, type CustodyOptions, type TokenOptions } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { generateKeys, type KeyGeneration, type Role } from '@dta/identity';
import { readKeyFile, writeKeyFile } from '@dta/node';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const SOFTWARE = `It is for trying D-TA out. All three roles run in one process of one operator, and the secrets are sealed by software
custody, whose key lies in this folder too: whoever can read the folder can read every secret. Never keep a secret here
that you can't lose.`;

const inToken = ({
  token,
  module,
}: TokenOptions) => `It is for trying D-TA out. All three roles run in one process of one operator. Keys and secrets are sealed by the token
"${token}" of ${module}: without that token and its PIN nothing of this folder opens, so start it with
--pkcs11 again. Who has both, or is on this machine while the node runs, can read every secret. Never keep a secret here
that you can't lose.`;

const readme = (
  token: TokenOptions | null,
) => `This folder holds a D-TA standalone node: its database, keys and secrets.

${token === null ? SOFTWARE : inToken(token)}

postgres/     the database server's files
principal/    identity.key (shared with the beneficiary)${token === null ? ', custody.key' : ''}
beneficiary/  the same for the beneficiary
fiduciary-N/  one folder a fiduciary
admitted/     everyone's Identity Documents, written anew at each start
log/          what all of them published, sealed; with --kubo it is in Kubo

Delete the whole folder to begin anew. Files of it alone make the others worthless.
`;

/** The folder of all members' Identity Documents, as they were at the last start. */
export const ADMITTED = 'admitted';
/** The folder of what all roles published, unless Kubo has it. */
export const LOG = 'log';

const CUSTODY = 'custody.key';

/** Where a role's files are. */
export interface RoleFiles {
  readonly keyFile: string;
  readonly custody: CustodyOptions;
  /** the document store, of all roles */
  readonly log: string;
}

/**
 * Prepares the folder of a standalone node: makes what isn't there, refuses what it doesn't know.
 *
 * @throws `configuration_invalid` with one sentence where there can't be such a folder; `start_failed` where the disk is full
 */
export async function openFolder(path: string, token: TokenOptions | null): Promise<string> {
  const folder = resolve(path);
  try {
    await makeFolders(folder);
    await writeFile(join(folder, 'README'), readme(token), { mode: 0o644 });
  } catch (cause) {
    throw cannotUse(folder, cause);
  }
  return folder;
}

/** Where a role's files are, whether there are any or not. */
export function roleFiles(folder: string, name: string, token: TokenOptions | null): RoleFiles {
  return {
    keyFile: join(folder, name, 'identity.key'),
    custody: token === null ? { kind: 'software', file: join(folder, name, CUSTODY) } : { kind: 'pkcs11', ...token },
    log: join(folder, LOG),
  };
}

/**
 * Before custody is opened, which makes its file where there is none.
 *
 * @throws `start_failed` where a role that has keys has no custody file, or has one and a token is to have custody
 */
export function assertCustodyFits(folder: string, name: string, token: TokenOptions | null): void {
  const custodyFile = join(folder, name, CUSTODY);
  const isThere = existsSync(custodyFile);
  if (token !== null && isThere) {
    throw new DtaError('start_failed', `${custodyFile} is there: this node has software custody; leave --pkcs11 out`);
  }
  if (token === null && !isThere && existsSync(roleFiles(folder, name, token).keyFile)) {
    throw new DtaError(
      'start_failed',
      `${custodyFile} is gone, and without it nothing that it sealed can be opened; a node that was started with --pkcs11 needs it again`,
    );
  }
}

/** All generations of a role's key file, oldest first. @throws `key_file_invalid`, `start_failed`, what custody throws */
export async function readKeys({ keyFile, custody: options }: RoleFiles): Promise<KeyGeneration[]> {
  const custody = await openCustody(options, () => undefined); // the role itself warns
  try {
    return await readKeyFile(keyFile, custodyProtection(custody));
  } finally {
    await custody.close();
  }
}

/**
 * Key and custody files of a role that has been started in this folder before, or new ones.
 *
 * @throws `start_failed` where one of them is gone: a new identity would have none of the old one's orders and secrets
 */
export async function openRoleFiles(
  folder: string,
  name: string,
  token: TokenOptions | null,
  makeKeys: () => Promise<readonly KeyGeneration[]>,
): Promise<RoleFiles> {
  const files = roleFiles(folder, name, token);
  try {
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannotUse(join(folder, name), cause);
  }
  assertCustodyFits(folder, name, token);
  if (existsSync(files.keyFile)) return files;
  if (existsSync(join(folder, ADMITTED, name)))
    throw new DtaError(
      'start_failed',
      `${files.keyFile} is gone: put it back, or delete the whole folder to begin anew without what it holds`,
    );
  const custody = await openCustody(files.custody, () => undefined); // the role itself warns
  await writeKeyFile(files.keyFile, await makeKeys(), custodyProtection(custody));
  await custody.close();
  return files;
}

/** The keys of a new node of this folder. */
export async function makeKeys(name: string, roles: readonly Role[]): Promise<KeyGeneration[]> {
  return [await generateKeys({ name, roles, now: Date.now() })];
}

/** Where the store is a folder. @throws `start_failed` */
export async function makeLogFolder(folder: string): Promise<void> {
  try {
    await mkdir(join(folder, LOG), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannotUse(folder, cause);
  }
}

/** Makes a folder and those above it. One at a time: Node's own `recursive` never ends below /proc, where none can be made. */
async function makeFolders(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  for (const each of missing) {
    try {
      await mkdir(each, { mode: 0o711 });
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error; // another start may have made it meanwhile
    }
  }
}

/** What a path is refused with that no later start can use either; else it is the machine that is short of something. */
const unusable = ['EACCES', 'EEXIST', 'EINVAL', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'EPERM', 'EROFS'];

function cannotUse(path: string, cause: unknown): DtaError {
  const reason = errnoOf(cause);
  const code = unusable.includes(reason) ? 'configuration_invalid' : 'start_failed';
  return new DtaError(code, `cannot use ${path}: ${reason}; give another folder with --data`, { cause });
}

function errnoOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
