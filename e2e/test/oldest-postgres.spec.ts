import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startCluster, startOldestPostgres, type Cluster, type OldestPostgres } from '@dta/testkit';
import pg from 'pg';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';

// The oldest PostgreSQL that docs/install.md names. All other suites run on the newest.
jest.setTimeout(300_000);

let server: OldestPostgres | undefined;
let cluster: Cluster | undefined;

beforeAll(async () => {
  server = await startOldestPostgres();
  cluster = await startCluster({
    operators: [{ name: 'first', fiduciaries: 2 }],
    postgresUrl: server.url,
  });
});

afterAll(async () => {
  await cluster?.stop();
  await server?.stop();
});

test('every migration and an order work on PostgreSQL 15', async () => {
  const operator = cluster?.operator('first');
  if (operator === undefined) throw new Error('there is an operator');
  for (const { databaseUrl } of operator.members) {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    const { rows } = await client
      .query("SELECT current_setting('server_version') AS version")
      .finally(() => client.end());
    expect(rows).toEqual([{ version: expect.stringMatching(/^15\./) }]);
  }
  const { orderReference, commitment } = await place(operator.api());
  expect(isPrivateKeyOf(await redeem(operator.api(), orderReference), commitment)).toBe(true);
});
