import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { freshToken, type SoftHsmToken } from '../softhsm.js';
import { checkoutRoot, compileCache } from '../toolbox.js';

type Settings = Readonly<Record<string, string>>;

/** The roles that an operator may have. */
export const clusterRoles = ['principal', 'beneficiary', 'fiduciary'] as const;

/** What a member of a cluster is. */
export type ClusterRole = (typeof clusterRoles)[number];

/** Every app that a cluster runs. */
export type ClusterApp = ClusterRole | 'gateway';

/** One identity of an operator and the files that its operator made for it, each readable by its owner alone. */
export interface MemberFiles {
  /** `principal`, `fiduciary-2` */
  readonly name: string;
  readonly role: ClusterRole;
  readonly folder: string;
  readonly idDocumentCID: string;
  readonly document: string;
  readonly keyFile: string;
  /** Key file of the software custody, which opens what the member sealed; not there where it has a token. */
  readonly custodyFile: string;
  /** The token that has custody of its keys; null: software. */
  readonly token: SoftHsmToken | null;
  /** The address of its database, with user and password. */
  readonly databaseUrlFile: string;
  /** The key that it shares with its gateway, hex. */
  readonly internalKey: string;
  /** Settings that name these files. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The token of an operator's callers: the file that holds it, and what is told to the apps. */
export interface TokenFile {
  readonly token: string;
  readonly file: string;
  /** Holds the header that shows it, for `curl -H @file`: every user of the machine sees a command's arguments. */
  readonly headerFile: string;
  /** SHA-256, hex */
  readonly hash: string;
  /** Holds it for the apps. */
  readonly hashFile: string;
}

const run = promisify(execFile);

/** The built program of an app. */
export function programOf(app: ClusterApp | 'cli'): string {
  return join(checkoutRoot(), 'apps', app, 'dist', 'src', 'main.js');
}

/**
 * Runs `dta` with these arguments; gives what it printed.
 *
 * @throws DtaError `start_failed` with its sentence
 */
export async function dta(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [programOf('cli'), ...args], {
      env: { ...compileCache, ...environment },
    });
    return stdout.trim();
  } catch (cause) {
    const said = typeof cause === 'object' && cause !== null && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new DtaError('start_failed', said || 'dta did not run', { cause });
  }
}

/**
 * Makes a member's files in `folder`, as an operator would: its identity by `dta identity create`, the key that it shares
 * with the gateway. A principal's key file is under a passphrase, the others' under custody, so that both are used.
 *
 * @param tokens configuration of SoftHSM, for a token of its own that has its signing key too; null: software custody
 */
export async function writeMember(
  folder: string,
  called: string,
  name: string,
  role: ClusterRole,
  tokens: string | null,
): Promise<MemberFiles> {
  const file = (what: string) => join(folder, what);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [keyFile, document, custodyFile] = [file('identity.key'), file('identity'), file('custody.key')];
  const passphrase =
    role === 'principal' ? await writeSecret(file('passphrase'), randomBytes(18).toString('base64')) : null;
  const token = tokens === null ? null : await freshToken(tokens);
  const custody = token === null ? { CUSTODY_SOFTWARE: custodyFile } : await tokenSettings(token, file('pin'));
  const underCustody = token === null ? ['--custody-software', custodyFile] : ['--custody-pkcs11', '--sign-in-token'];
  const protection = passphrase === null ? underCustody : ['--passphrase-file', passphrase];
  const create = [
    'identity',
    'create',
    '--name',
    called,
    '--role',
    role,
    '--key-file',
    keyFile,
    '--document',
    document,
  ];
  const idDocumentCID = await dta([...create, ...protection], token === null ? {} : custody);
  const databaseUrlFile = file('database-url');
  const internalKey = randomBytes(32).toString('hex');
  return {
    ...{ name, role, folder, idDocumentCID, document, keyFile, custodyFile, token, databaseUrlFile, internalKey },
    settings: {
      DATABASE_URL_FILE: databaseUrlFile,
      KEY_FILE: keyFile,
      ...custody,
      INTERNAL_KEY_FILE: await writeSecret(file('internal-key'), internalKey),
      ...(passphrase !== null && { KEY_PASSPHRASE_FILE: passphrase }),
    },
  };
}

/** How a member's processes, and `dta` for it, come to its token. */
async function tokenSettings({ module, token, pin, environment }: SoftHsmToken, pinFile: string): Promise<Settings> {
  return {
    ...environment,
    CUSTODY_PKCS11_MODULE: module,
    CUSTODY_PKCS11_TOKEN: token,
    CUSTODY_PKCS11_PIN_FILE: await writeSecret(pinFile, pin),
  };
}

/** A bearer token in a file. */
export async function writeToken(folder: string): Promise<TokenFile> {
  const token = randomBytes(24).toString('base64url');
  const file = await writeSecret(join(folder, 'token'), token);
  const headerFile = await writeSecret(join(folder, 'authorization'), `authorization: Bearer ${token}`);
  const hash = createHash('sha256').update(token).digest('hex');
  return { token, file, headerFile, hash, hashFile: await writeSecret(join(folder, 'token-hash'), hash) };
}

/** The folder of documents that an operator's roles admit. */
export async function writeAdmitted(folder: string, documents: readonly string[]): Promise<string> {
  const admitted = join(folder, 'admitted');
  await mkdir(admitted);
  for (const [at, document] of documents.entries()) await copyFile(document, join(admitted, `${at + 1}`));
  return admitted;
}

/** Writes a file that its owner alone can read; gives its path. */
export async function writeSecret(file: string, text: string): Promise<string> {
  await writeFile(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
  return file;
}
