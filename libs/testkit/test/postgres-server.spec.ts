import { expect, test } from '@jest/globals';
import pg from 'pg';
import { freshDatabase, serviceUrl } from '../src/index.js';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('however many ask, one server runs', async () => {
  const urls = await Promise.all(Array.from({ length: 5 }, () => serviceUrl('postgres')));
  expect(new Set(urls).size).toBe(1);
});

test('each database is a suite’s own, and gone when dropped, whoever is still connected', async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  await query(one.url, 'CREATE TABLE t (n int)');
  await expect(query(other.url, 'SELECT * FROM t')).rejects.toMatchObject({ code: '42P01' });

  const connected = new pg.Client({ connectionString: one.url });
  connected.on('error', () => undefined);
  await connected.connect();
  await one.drop();
  await one.drop();
  await expect(query(one.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  await connected.end().catch(() => undefined);
  await other.drop();
});
