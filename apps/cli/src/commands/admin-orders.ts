import { openDatabase, ordersByState, stuckOrders, type Sql, type StuckOrder } from '@dta/node';
import { readConfig } from '@dta/service';
import { migrateSettings } from '../config.js';
import { table } from '../table.js';

/** What of a role's orders an administrator wants to see. */
export interface AdminOrdersOptions {
  /** those that wait, each with what it waits for; else how many there are of each state */
  readonly stuck?: boolean;
  readonly json?: boolean;
}

const SHOWN_MAX = 1_000;

/**
 * Looks at the orders in a role's database, by a connection that can't write.
 *
 * @throws `configuration_invalid`, `service_unavailable`, `schema_outdated`
 */
export async function adminOrders(
  environment: Readonly<Record<string, string | undefined>>,
  { stuck = false, json = false }: AdminOrdersOptions,
): Promise<string> {
  const { DATABASE_URL: url } = readConfig(migrateSettings, environment);
  const database = await openDatabase({ url, poolSize: 1, readOnly: true });
  try {
    return await (stuck ? showStuck(database, json) : showStates(database, json));
  } finally {
    await database.close();
  }
}

async function showStates(sql: Sql, json: boolean): Promise<string> {
  const states = await ordersByState(sql);
  if (json) return JSON.stringify(states);
  return states.length === 0
    ? 'there are no orders'
    : table([['state', 'orders'], ...states.map(({ state, orders }) => [state, String(orders)])]);
}

async function showStuck(sql: Sql, json: boolean): Promise<string> {
  const all = await stuckOrders(sql, SHOWN_MAX);
  if (json) return JSON.stringify(all.map(withTimes));
  if (all.length === 0) return 'no order waits';
  const now = Date.now();
  const rows = all.map(({ orderReference, state, since, waitingFor, attempts, lastError, nextAttempt }) => [
    ...[orderReference, state, spell(now - since)],
    waitingFor === null ? 'a process of this role' : `${waitingFor.role} ${waitingFor.party}`,
    waitingFor?.verb ?? '-',
    ...[String(attempts ?? '-'), lastError ?? '-'],
    nextAttempt === null ? '-' : nextAttempt <= now ? 'due' : `in ${spell(nextAttempt - now)}`,
  ]);
  return table([['order', 'state', 'since', 'waits for', 'to', 'attempts', 'last error', 'next attempt'], ...rows]);
}

/** Times by RFC 3339, as a program reads them. */
function withTimes({ since, nextAttempt, ...rest }: StuckOrder): object {
  const time = (ms: number) => new Date(ms).toISOString();
  return { ...rest, since: time(since), nextAttempt: nextAttempt === null ? null : time(nextAttempt) };
}

/** A span in its largest unit: `3 min`. */
function spell(ms: number): string {
  const units: readonly [number, string][] = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ];
  const [length, unit] = units.find(([each]) => ms >= each) ?? [1_000, 's'];
  return `${Math.max(0, Math.floor(ms / length))} ${unit}`;
}
