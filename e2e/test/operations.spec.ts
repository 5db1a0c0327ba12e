import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { compileCache, freshDatabase, type FreshDatabase } from '@dta/testkit';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blocksOf, ROOT, runBlocks, type Result } from '../src/pages.js';

// docs/operations.md as an operator follows it: every ```sh block in one shell, in order.
jest.setTimeout(300_000);

const PAGE = join(ROOT, 'docs/operations.md');

let folder: string;
let database: FreshDatabase | undefined;
let page: string;
let results: readonly Result[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-operations-'));
  database = await freshDatabase();
  page = await readFile(PAGE, 'utf8');
  results = await runBlocks(blocksOf(page), { ...compileCache, DATABASE: database.url, TMPDIR: folder });
});

afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

test('every block does what the page says', () => {
  const [made, migrated, rotated, revoked, forks, decided, ...more] = results.map(({ output }) => output);
  const [, first] = /^(bafy\w+)$/m.exec(made ?? '') ?? [];
  expect(made).toMatch(/^recovery key +[0-9a-f]{64} /m);
  expect(migrated).toMatch(/^(ran \w+\n?)+$/);
  expect(rotated).toMatch(new RegExp(`^follows +${first}$`, 'm'));
  expect(revoked).toBe(first);
  expect(forks).toBe('no chain forks');
  expect(rotated?.startsWith(decided ?? 'nothing')).toBe(true);
  expect(more).toEqual([]);
});

test('every page and file that it names is there', async () => {
  const links = [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => join(PAGE, '..', link));
  const suites = [...page.matchAll(/`(?:e2e\/test\/)?([\w.-]+\.spec\.ts)`/g)].map(([, name = '']) =>
    join(ROOT, 'e2e/test', name),
  );
  expect(links.length).toBeGreaterThan(4);
  expect(suites.length).toBeGreaterThan(4);
  for (const file of [...links, ...suites]) await readFile(file);
});
