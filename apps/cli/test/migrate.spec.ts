import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDatabase } from '@dta/node';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dta } from './run-dta.js';

let database: FreshDatabase;

beforeEach(async () => {
  database = await freshDatabase();
});

afterEach(() => database.drop());

const nothing = "nothing to run: the schema is this version's\n";

test('brings a database to this schema, says what it ran, and has nothing to do after', async () => {
  const environment = { DATABASE_URL: database.url };
  await expect(openDatabase({ url: database.url, poolSize: 1 })).rejects.toMatchObject({ code: 'schema_outdated' });
  const { status, output, errors } = await dta(['migrate'], { environment });
  expect([status, errors]).toEqual([0, '']);
  expect(output).toMatch(/^(ran \w+\n)+$/);
  await (await openDatabase({ url: database.url, poolSize: 1 })).close();
  expect(await dta(['migrate'], { environment })).toEqual({ status: 0, output: nothing, errors: '' });
});

test('of several at once one runs and the others wait for it', async () => {
  const environment = { DATABASE_URL: database.url };
  const endings = await Promise.all([1, 2, 3].map(() => dta(['migrate'], { environment })));
  expect(endings.map(({ status }) => status)).toEqual([0, 0, 0]);
  expect(endings.filter(({ output }) => output === nothing)).toHaveLength(2);
});

test('reads the address from a file, and never shows its password', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dta-cli-'));
  const file = join(folder, 'url');
  try {
    await writeFile(file, `${database.url}\n`);
    expect((await dta(['migrate'], { environment: { DATABASE_URL_FILE: file } })).status).toBe(0);

    const wrong = new URL(database.url);
    wrong.password = 'not-the-password';
    await writeFile(file, wrong.href);
    const { status, output, errors } = await dta(['migrate'], { environment: { DATABASE_URL_FILE: file } });
    expect([status, output, errors.trim().split('\n').length]).toEqual([1, '', 1]);
    expect(errors).toMatch(/does not let us in: password authentication failed/);
    expect(errors).toContain(wrong.host);
    expect(errors).not.toContain(wrong.password);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  [{}, /DATABASE_URL: is missing/],
  [{ DATABASE_URL: 'http://localhost' }, /DATABASE_URL/],
  [{ DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' }, /127\.0\.0\.1:1\/c/],
])('says in one sentence why it can not: %j', async (environment: Record<string, string>, sentence) => {
  const { status, output, errors } = await dta(['migrate'], { environment });
  expect([status, output, errors.trim().split('\n').length]).toEqual([1, '', 1]);
  expect(errors).toMatch(sentence);
});
