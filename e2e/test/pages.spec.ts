import { beforeAll, describe, expect, test } from '@jest/globals';
import { verbsWhere } from '@dta/order';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { callsByRole, notYet, seen } from '../src/not-yet.js';
import { ROOT } from '../src/pages.js';

// The pages against the code: what they call not yet there isn't, and what they list is what the code has.

const pageNames = ['README.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
const pages = new Map<string, string>();
beforeAll(() => {
  for (const name of pageNames) pages.set(name, readFileSync(join(ROOT, name), 'utf8'));
});
const pageOf = (name: string): string => pages.get(name) ?? '';

/** Each mark of a page, by its place. */
function marksOf(name: string): number[] {
  const marks = [...pageOf(name).matchAll(/\[(?:[^[\]*]*: )?not yet/gi)].map(({ index }) => index);
  if (name !== 'docs/protocol.md') return marks;
  const begin = pageOf(name).indexOf('\n## 9. Not yet');
  const rows = [
    ...pageOf(name)
      .slice(begin)
      .matchAll(/^\| .*$/gm),
  ]
    .slice(1)
    .map(({ index }) => begin + index);
  return [...marks, ...rows];
}

describe('[not yet]', () => {
  test('has an entry for each mark of a page, and each entry its place', () => {
    const marks = pageNames.flatMap((page) => marksOf(page).map((at) => ({ page, at })));
    expect(marks.length).toBeGreaterThan(20);
    const unlisted = marks.filter(
      ({ page, at }) =>
        notYet.filter(({ page: other, passage }) => {
          const begin = other === page ? pageOf(page).indexOf(passage) : -1;
          return begin !== -1 && begin <= at && at < begin + passage.length;
        }).length !== 1,
    );
    expect(unlisted.map(({ page, at }) => `${page}: ${pageOf(page).slice(at - 60, at + 40)}`)).toEqual([]);
    const gone = notYet.filter(({ page, passage }) => !pageOf(page).includes(passage));
    expect(gone.map(({ page, passage }) => `${page}: ${passage}`)).toEqual([]);
  });

  test.each(notYet.map((entry) => [`${entry.page}: ${entry.passage}`, entry.has] as const))(
    'is true of %s',
    async (_, has) => {
      if (typeof has === 'function') expect(await has()).toEqual([]);
      else expect(has.unprovable.length).toBeGreaterThan(10);
    },
  );

  test('is looked for by probes that see what is there', () => {
    for (const [probe, found] of Object.entries(seen)) expect([probe, found.length > 0]).toEqual([probe, true]);
  });

  test('few entries can not be held against the code', () => {
    expect(notYet.filter(({ has }) => typeof has !== 'function').length).toBeLessThanOrEqual(4);
  });
});

describe('docs/protocol.md', () => {
  test('names every call of a gateway, by role', () => {
    const listed = (role: string) =>
      new RegExp(`^\\| internal, ${role} \\| ([^|]+) \\|`, 'm')
        .exec(pageOf('docs/protocol.md'))?.[1]
        ?.split(', ')
        .sort();
    for (const [role, calls] of Object.entries(callsByRole())) expect(listed(role)).toEqual([...calls].sort());
  });

  test('names every verb between nodes, and no other', () => {
    const rows = [...pageOf('docs/protocol.md').matchAll(/^\| (?:P \| (?:[BF]|F, B)|all) \| ([\w-]+) \|/gm)];
    const ofNoOrder = globSync('{libs,apps}/*/src/**/*.ts', { cwd: ROOT }).flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/MessagePattern\('peer\.([\w-]+)'/g)].map(([, verb]) => verb),
    );
    expect(rows.map(([, verb]) => verb).sort()).toEqual([...verbsWhere(), ...ofNoOrder].sort());
    expect(ofNoOrder).toHaveLength(2);
  });
});

describe('docs/architecture.md', () => {
  test('names every table of the migrations', () => {
    const [, list = ''] =
      /\*\*One shape of tables[^]*?: (`orders`[^]*?): migrations in/.exec(pageOf('docs/architecture.md')) ?? [];
    const named = [...list.replace(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
    const made = globSync('libs/node/src/migrations/*.ts', { cwd: ROOT }).flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/CREATE (?:UNLOGGED )?TABLE (\w+)/g)].map(([, name]) => name),
    );
    expect(named.sort()).toEqual(made.sort());
  });
});

test('what the changelog says of POST /v1/identity is what the other pages say', () => {
  expect(pageOf('docs/api.md')).toMatch(/By `idDocumentCID` alone each role looks for the document/);
  expect(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')).toContain('`POST /v1/identity` by `idDocumentCID`');
});

test('no page calls a provider of custody the only one', () => {
  for (const [name, text] of pages) expect([name, /only provider/.test(text)]).toEqual([name, false]);
});
