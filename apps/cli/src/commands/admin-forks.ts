import { parseCid, type Cid } from '@dta/codec';
import type { Identity, Line } from '@dta/identity';
import { Admission, openDatabase } from '@dta/node';
import { readConfig } from '@dta/service';
import { migrateSettings } from '../config.js';
import { printable } from '../printable.js';
import { table } from '../table.js';

/** What an administrator wants of the forks of chains. */
export interface AdminForksOptions {
  /** the idDocumentCID that its chain goes on with; else they are shown */
  readonly follow?: string;
  readonly json?: boolean;
}

/**
 * Shows the forks of admitted chains in a role's database, or ends one for that role.
 *
 * @throws `configuration_invalid`, `service_unavailable`, `schema_outdated`; `identity_not_found`, `identity_invalid`
 */
export async function adminForks(
  environment: Readonly<Record<string, string | undefined>>,
  { follow, json = false }: AdminForksOptions,
): Promise<string> {
  const { DATABASE_URL: url } = readConfig(migrateSettings, environment);
  const database = await openDatabase({ url, poolSize: 1, readOnly: follow === undefined });
  try {
    const admission = await Admission.read(database);
    if (follow !== undefined) {
      const document = parseCid(follow);
      await admission.follow(document);
      return document;
    }
    const forks = admission.lines().flatMap(shown);
    if (json) return JSON.stringify(forks);
    if (forks.length === 0) return 'no chain forks';
    const head = ['chain', 'idDocumentCID', 'follows', 'name', 'created', 'is'];
    return table([
      head,
      ...forks.map(({ chain, idDocumentCID, follows, name, created, is }) => [
        chain,
        idDocumentCID,
        follows,
        name,
        created,
        is,
      ]),
    ]);
  } finally {
    await database.close();
  }
}

interface Shown {
  readonly chain: Cid;
  readonly idDocumentCID: Cid;
  readonly follows: Cid;
  readonly name: string;
  readonly created: string;
  readonly is: 'claims to be the newest' | 'evidence';
}

function shown({ documents, rivals, forks }: Line): Shown[] {
  const [first] = documents;
  if (first === undefined) return [];
  const row =
    (is: Shown['is']) =>
    ({ cid, prev, name, createdAt }: Identity): Shown => ({
      ...{ chain: first.cid, idDocumentCID: cid, follows: prev ?? cid, name: printable(name) },
      ...{ created: new Date(createdAt).toISOString(), is },
    });
  const claiming = rivals.length === 0 ? [] : [...documents.slice(-1), ...rivals];
  return [...claiming.map(row('claims to be the newest')), ...forks.map(row('evidence'))];
}
