import { freshDatabase } from '@dta/testkit';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A place in a running cluster for one more role, which a person at the terminal starts. */
export interface Guest {
  /** Its files, in a folder of its owner alone. */
  readonly folder: string;
  /** Holds the address of a database that is empty yet, with user and password. */
  readonly databaseUrlFile: string;
  drop(): Promise<void>;
}

/** Makes it in `folder`, the cluster's; a role that runs on it by then loses its database with {@link Guest.drop}. */
export async function prepareGuest(folder: string): Promise<Guest> {
  const place = join(folder, 'guest');
  await mkdir(place, { mode: 0o700 });
  const database = await freshDatabase();
  const databaseUrlFile = join(place, 'database-url');
  await writeFile(databaseUrlFile, `${database.url}\n`, { mode: 0o600 });
  return { folder: place, databaseUrlFile, drop: () => database.drop() };
}
