import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freshDatabase, startRelay, type FreshDatabase } from '@dta/testkit';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { migrateDatabase, openDatabase, type Database } from '../src/index.js';
import { refusal } from './refusal.js';

let fresh: FreshDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 2 });
  await database.query(`CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = code; END $$`);
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

describe('a statement that the server can not do now is service_unavailable, and may be tried again:', () => {
  test.each([
    ['the disk is full', '53100'],
    ['there are too many connections', '53300'],
    ['two wait for one another', '40P01'],
    ['a lock is not had in time', '55P03'],
    ['it takes too long', '57014'],
    ['the server stops', '57P01'],
    ['the server became a replica', '25006'],
  ])('%s (%s)', async (_, code) => {
    await expect(database.query('SELECT fail($1)', [code])).rejects.toThrow(refusal('service_unavailable', code));
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('a statement above its time limit, in earnest', async () => {
    await expect(database.query('SELECT pg_sleep(10)')).rejects.toThrow(refusal('service_unavailable', '57014'));
  });
});

test('a server that vanished, its connections open, is given up, and found again', async () => {
  const url = new URL(fresh.url);
  const relay = await startRelay(Number(url.port));
  url.port = String(relay.port);
  const far = await openDatabase({ url: url.href, poolSize: 2 });
  try {
    relay.hang();
    const asked = Array.from({ length: 3 }, () => far.query('SELECT 1')); // more than there are connections
    for (const answer of asked) await expect(answer).rejects.toThrow(refusal('service_unavailable'));
    relay.connectTo(Number(new URL(fresh.url).port));
    expect(await far.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  } finally {
    await far.close();
    await relay.stop();
  }
});

test('a migration may take longer than a statement of a role', async () => {
  const slow = await freshDatabase();
  const client = new pg.Client({ connectionString: slow.url });
  await client.connect();
  try {
    await client.query(`CREATE SEQUENCE once; CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN IF nextval('once') = 1 THEN PERFORM pg_sleep(6); END IF; END $$;
      CREATE EVENT TRIGGER wait ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION wait()`);
    await migrateDatabase({ url: slow.url, poolSize: 1 });
    await (await openDatabase({ url: slow.url, poolSize: 1 })).close();
  } finally {
    await client.end();
    await slow.drop();
  }
});

describe('a statement whose columns another connection has changed since it was prepared', () => {
  const ALL = 'SELECT * FROM changing'; // which the rule dta/listed-columns keeps out of what a role runs
  const change = () => other.query('ALTER TABLE changing ADD COLUMN "' + randomUUID() + '" integer');
  let other: pg.Client;

  beforeAll(async () => {
    other = new pg.Client({ connectionString: fresh.url });
    await other.connect();
    await other.query('CREATE TABLE changing (first integer)');
  });

  afterAll(() => other.end());

  test('is run again on another connection, though all have it prepared: nothing fails', async () => {
    const everywhere = () => Promise.all([1, 2, 3, 4].map(() => database.query(ALL)));
    await everywhere();
    for (let times = 0; times < 3; times++) {
      await change();
      await expect(everywhere()).resolves.toHaveLength(4);
    }
  });

  test('is service_unavailable within a transaction, and its connection is not used again', async () => {
    const one = await openDatabase({ url: fresh.url, poolSize: 1 });
    const twice = () => one.transaction((sql) => sql.query(ALL));
    try {
      await twice();
      await change();
      await expect(twice()).rejects.toThrow(refusal('service_unavailable', '0A000'));
      await expect(twice()).resolves.toEqual([]);
    } finally {
      await one.close();
    }
  });

  test('another error of that SQLSTATE stays the server’s word', async () => {
    await expect(database.query('SELECT fail($1)', ['0A000'])).rejects.toMatchObject({ code: '0A000' });
  });
});

test('what a statement itself met stays the server’s word', async () => {
  await expect(database.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
  await expect(database.query('SELECT fail($1)', ['23505'])).rejects.toMatchObject({ code: '23505' });
});

describe('what keeps a role from its database is said:', () => {
  const messageOf = (url: string) =>
    openDatabase({ url, poolSize: 1 }).then(
      () => 'opened',
      (error: Error) => error.message,
    );

  test('a server without TLS that is asked for it, and a file of the TLS settings that is not there', async () => {
    expect(await messageOf(`${fresh.url}?sslmode=require`)).toMatch(/ can not be reached by TLS: .*SSL/);
    const gone = await messageOf(`${fresh.url}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`);
    expect(gone).toMatch(/ can not be reached by TLS: .*\/nowhere\/ca\.pem/);
  });

  test.each([
    'postgres://dta:12/secret3@127.0.0.1:9/db',
    'postgres://dta:12?secret3@h/db',
    'postgres://dta:se/cret3@h',
  ])('no part of a password that is not escaped: %s', async (url) => {
    expect(await messageOf(url)).not.toMatch(/12|secr|cret3/);
  });
});

test('a server that is too old is refused, at a start and by a migration, and nothing is made there', async () => {
  const old = await freshDatabase();
  const client = new pg.Client({ connectionString: old.url });
  await client.connect();
  try {
    // it says of itself what PostgreSQL 14 says: a function of the database's own comes before the server's
    await client.query(`CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '14.23 (Debian)' $$;
      DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`);
    for (const open of [openDatabase, migrateDatabase]) {
      await expect(open({ url: old.url, poolSize: 1 })).rejects.toThrow(
        refusal('configuration_invalid', 'is version 14.23 (Debian): 15 or later is needed'),
      );
    }
    const { rows } = await client.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace");
    expect(rows).toEqual([]);
  } finally {
    await client.end();
    await old.drop();
  }
});

test('a schema that is newer than the program is refused, at a start and by a migration, and is left as it is', async () => {
  const newer = await freshDatabase();
  const options = { url: newer.url, poolSize: 1 };
  try {
    await migrateDatabase(options);
    const before = await openDatabase(options);
    await before.query("INSERT INTO migrations (timestamp, name) VALUES (9999999999999, 'Later99')");
    await before.close();
    const sentence = /newer schema than this version knows \(Later99\): start the newer version, or restore the backup/;
    await expect(openDatabase(options)).rejects.toMatchObject({
      code: 'schema_outdated',
      message: expect.stringMatching(sentence),
    });
    await expect(migrateDatabase(options)).rejects.toMatchObject({ message: expect.stringMatching(sentence) });
  } finally {
    await newer.drop();
  }
});

test('after its end there is no connection', async () => {
  const closed = await openDatabase({ url: fresh.url, poolSize: 1 });
  await closed.close();
  await expect(closed.query('SELECT 1')).rejects.toThrow(refusal('service_unavailable'));
});
