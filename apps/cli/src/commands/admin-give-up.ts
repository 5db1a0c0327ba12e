import { giveUpOrders, openDatabase } from '@dta/node';
import { readConfig } from '@dta/service';
import { migrateSettings } from '../config.js';

/**
 * Gives up every order in a role's database.
 *
 * @returns the sentence that says how many there were
 * @throws `configuration_invalid`, `service_unavailable`, `schema_outdated`
 */
export async function adminGiveUp(environment: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { DATABASE_URL: url } = readConfig(migrateSettings, environment);
  const database = await openDatabase({ url, poolSize: 1 });
  try {
    const orders = await giveUpOrders(database);
    return `${orders} ${orders === 1 ? 'order is' : 'orders are'} given up`;
  } finally {
    await database.close();
  }
}
