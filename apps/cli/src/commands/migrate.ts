import { migrateDatabase } from '@dta/node';
import { readConfig } from '@dta/service';
import { migrateSettings } from '../config.js';

/**
 * Brings a role's database to this version's schema; any number of processes may try at once.
 *
 * @returns what it ran, a line each
 * @throws `configuration_invalid`, `service_unavailable`
 */
export async function migrate(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { DATABASE_URL: url } = readConfig(migrateSettings, environment);
  const ran = await migrateDatabase({ url, poolSize: 2 });
  return ran.length === 0
    ? "nothing to run: the schema is this version's"
    : ran.map((name) => `ran ${name}`).join('\n');
}
