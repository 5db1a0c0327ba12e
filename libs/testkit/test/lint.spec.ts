import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';

jest.setTimeout(180_000);

const root = join(import.meta.dirname, '../../../..');
const boundaries = '@nx/enforce-module-boundaries';

/** What a file at `path` with this text must be refused for, or nothing. */
type Case = readonly [what: string, path: string, text: string, rule: string | undefined];

const imports = (name: string): string => `import { x } from '${name}';\nexport const y: unknown = x;\n`;
const inAsync = (body: string): string =>
  `declare function f(): Promise<void>;\nexport async function g(): Promise<void> {\n${body}\n}\n`;

const cases: Case[] = [
  // the import table
  ['a pure lib imports one above it', 'libs/order/src/v.ts', imports('@dta/envelope'), undefined],
  ['a pure lib imports one below it', 'libs/codec/src/v.ts', imports('@dta/order'), boundaries],
  ['codec and crypto are apart', 'libs/codec/src/v.ts', imports('@dta/crypto'), boundaries],
  ['errors imports nothing', 'libs/errors/src/v.ts', imports('@dta/codec'), boundaries],
  ['a pure lib imports a service lib', 'libs/order/src/v.ts', imports('@dta/transport'), boundaries],
  ['transport knows no documents', 'libs/transport/src/v.ts', imports('@dta/codec'), boundaries],
  ['custody imports identity', 'libs/custody/src/v.ts', imports('@dta/identity'), undefined],
  ['custody imports order', 'libs/custody/src/v.ts', imports('@dta/order'), boundaries],
  ['node imports custody', 'libs/node/src/v.ts', imports('@dta/custody'), undefined],
  ['a lib imports a role', 'libs/node/src/v.ts', imports('@dta/principal'), boundaries],
  ['a role imports node', 'apps/fiduciary/src/v.ts', imports('@dta/node'), undefined],
  ['a role imports another role', 'apps/fiduciary/src/v.ts', imports('@dta/principal'), boundaries],
  ['a role imports the gateway', 'apps/principal/src/v.ts', imports('@dta/gateway'), boundaries],
  ['the gateway imports internal-call', 'apps/gateway/src/v.ts', imports('@dta/internal-call'), undefined],
  ['the gateway has no identity', 'apps/gateway/src/v.ts', imports('@dta/identity'), boundaries],
  ['the gateway keeps no state', 'apps/gateway/src/v.ts', imports('@dta/node'), boundaries],
  ['standalone imports roles', 'apps/standalone/src/v.ts', imports('@dta/fiduciary'), undefined],
  ['the cli imports a role', 'apps/cli/src/v.ts', imports('@dta/fiduciary'), boundaries],
  ['a source imports the testkit', 'libs/node/src/v.ts', imports('@dta/testkit'), boundaries],
  ['a test imports the testkit', 'libs/node/test/v.ts', imports('@dta/testkit'), undefined],
  ['a test imports its lib as others do', 'libs/codec/test/v.ts', imports('@dta/codec'), undefined],
  ['e2e imports the testkit', 'e2e/src/v.ts', imports('@dta/testkit'), undefined],
  ['a plugin imports the interface', 'plugins/milagro/src/v.ts', imports('@dta/plugin'), undefined],
  ['a plugin imports a lib', 'plugins/milagro/src/v.ts', imports('@dta/codec'), boundaries],
  ['a plugin imports another plugin', 'plugins/milagro/src/v.ts', imports('@dta/plugin-bitcoinwallet'), boundaries],
  [
    'a role imports a plugin, which it only loads',
    'apps/principal/src/v.ts',
    imports('@dta/plugin-milagro'),
    boundaries,
  ],
  ['a project is reached around its index', 'libs/order/src/v.ts', imports('../../codec/src/bytes.js'), boundaries],
  ['the gateway imports the REST contracts', 'apps/gateway/src/v.ts', imports('@dta/contracts/rest'), undefined],
  [
    'a role imports the REST contracts',
    'apps/principal/src/v.ts',
    imports('@dta/contracts/rest'),
    'no-restricted-imports',
  ],
  [
    'node imports them later',
    'libs/node/src/v.ts',
    `export const x = import('@dta/contracts/rest');\n`,
    'no-restricted-syntax',
  ],

  // what pure libs don't know
  ...['@nestjs/common', 'typeorm', 'nats', 'pg'].flatMap((name): Case[] => [
    [`a pure lib imports ${name}`, 'libs/order/src/v.ts', imports(name), boundaries],
    [
      `a pure lib imports ${name} later`,
      'libs/contracts/src/v.ts',
      `export const x = import('${name}');\n`,
      boundaries,
    ],
  ]),
  ...['node:fs', 'fs', 'node:fs/promises', 'node:child_process', 'net'].map((name): Case => [
    `a pure lib imports ${name}`,
    'libs/crypto/src/v.ts',
    imports(name),
    'no-restricted-imports',
  ]),
  [
    'an order imports a curve',
    'libs/order/src/v.ts',
    `export { secp256k1 } from '@dta/crypto';\n`,
    'no-restricted-imports',
  ],
  [
    'an order imports a library of curves',
    'libs/order/src/v.ts',
    imports('@noble/curves/ed25519.js'),
    'no-restricted-imports',
  ],
  ['an order imports groups', 'libs/order/src/v.ts', `export { groupNamed } from '@dta/crypto';\n`, undefined],
  [
    'a pure lib imports node:fs later',
    'libs/crypto/src/v.ts',
    `export const x = import('node:fs');\n`,
    'no-restricted-syntax',
  ],
  ['a pure lib imports node:crypto', 'libs/crypto/src/v.ts', imports('node:crypto'), undefined],
  ['a service lib imports node:fs', 'libs/custody/src/v.ts', imports('node:fs'), undefined],
  ['a service lib imports pg', 'libs/node/src/v.ts', imports('pg'), undefined],

  // the environment
  [
    'a lib reads the environment',
    'libs/order/src/v.ts',
    `export const x = process.env['A'];\n`,
    'no-restricted-properties',
  ],
  [
    'a verb reads the environment',
    'apps/principal/src/v.ts',
    `export const { env } = process;\n`,
    'no-restricted-properties',
  ],
  ['or by the module', 'apps/principal/src/v.ts', `export { env } from 'node:process';\n`, 'no-restricted-imports'],
  ['main.ts reads the environment', 'apps/principal/src/main.ts', `export const x = process.env['A'];\n`, undefined],
  [
    'config.ts reads the environment',
    'apps/principal/src/config.ts',
    `export const x = process.env['A'];\n`,
    undefined,
  ],

  // bans
  ['Math.random', 'libs/order/test/v.ts', `export const x = Math.random();\n`, 'no-restricted-properties'],
  ['Buffer.compare', 'libs/order/src/v.ts', `export const x = Buffer.compare(a, b);\n`, 'no-restricted-properties'],
  ['an interval by the clock', 'libs/node/src/v.ts', `export const x = Date.now();\n`, 'no-restricted-properties'],
  ['the clock as a default', 'apps/gateway/src/v.ts', `export const x = Date.now;\n`, 'no-restricted-properties'],
  ['the clock where dates begin', 'libs/node/src/clock.ts', `export const x = Date.now();\n`, undefined],
  ['the clock in a test', 'libs/node/test/v.ts', `export const x = Date.now();\n`, undefined],
  ['loose equality', 'libs/order/src/v.ts', `export const x = a == b;\n`, 'eqeqeq'],
  ['console in a role', 'apps/principal/src/v.ts', `console.log(1);\n`, 'no-console'],
  ['console in the cli', 'apps/cli/src/v.ts', `console.log(1);\n`, undefined],
  ['any', 'libs/order/src/v.ts', `export const x: any = 1;\n`, '@typescript-eslint/no-explicit-any'],
  ['!', 'libs/order/src/v.ts', `export const x = a!.b;\n`, '@typescript-eslint/no-non-null-assertion'],
  ['! on a field', 'libs/node/src/v.ts', `export class A {\n  x!: string;\n}\n`, 'no-restricted-syntax'],
  ['! on a field of an entity', 'libs/node/src/v.entity.ts', `export class A {\n  x!: string;\n}\n`, undefined],
  [
    'a value imported for its type',
    'libs/order/src/v.ts',
    `import { X } from './x.js';\nexport const y: X = 1;\n`,
    '@typescript-eslint/consistent-type-imports',
  ],

  // casts
  ['a cast without a reason', 'libs/order/src/v.ts', `export const x = y as string;\n`, 'dta/reason-for-cast'],
  ['a cast in the old form', 'libs/order/src/v.ts', `export const x = <string>y;\n`, 'dta/reason-for-cast'],
  [
    'a reason two lines above',
    'libs/order/src/v.ts',
    `// why\n\nexport const x = y as string;\n`,
    'dta/reason-for-cast',
  ],
  ['a reason beside the cast', 'libs/order/src/v.ts', `export const x = y as string; // why\n`, undefined],
  ['a reason above the cast', 'libs/order/src/v.ts', `// why\nexport const x = y as string;\n`, undefined],
  ['as const', 'libs/order/src/v.ts', `export const x = [1] as const;\n`, undefined],

  // SQL
  ['all columns', 'libs/node/src/v.ts', `export const x = 'SELECT * FROM orders';\n`, 'dta/listed-columns'],
  [
    'all columns of a table',
    'apps/principal/src/v.ts',
    'export const x = (y: string) => `SELECT ${y}, d.* FROM d`;\n',
    'dta/listed-columns',
  ],
  [
    'all that was written',
    'libs/node/src/v.ts',
    `export const x = 'DELETE FROM x RETURNING *';\n`,
    'dta/listed-columns',
  ],
  ['a count', 'libs/node/src/v.ts', `export const x = 'SELECT a, count(*), 2 * b FROM orders';\n`, undefined],
  ['all columns in a test', 'libs/node/test/v.ts', `export const x = 'SELECT * FROM orders';\n`, undefined],

  // transactions
  [
    'custody in a transaction',
    'apps/principal/src/v.ts',
    `db.transaction((m) => this.custody.seal(m));\n`,
    'dta/short-transactions',
  ],
  [
    'transport in a commit',
    'apps/principal/src/v.ts',
    `commit(db, async function () { await transport.request(x); });\n`,
    'dta/short-transactions',
  ],
  [
    'a store in a loop in a commit',
    'apps/principal/src/v.ts',
    `commit(db, (m) => list.map((e) => documentStore.put(e)));\n`,
    'dta/short-transactions',
  ],
  [
    'custody before a commit',
    'apps/principal/src/v.ts',
    `const s = custody.seal(x);\ncommit(db, (m) => m.insert(s));\ncustody.wipe();\n`,
    undefined,
  ],

  // rules that ask the type checker; the path must be a file of a project
  ['a promise left alone', 'libs/errors/src/index.ts', inAsync('f();'), '@typescript-eslint/no-floating-promises'],
  [
    'a promise as a condition',
    'libs/errors/src/index.ts',
    inAsync('if (f()) return;'),
    '@typescript-eslint/no-misused-promises',
  ],
  ['await of a plain value', 'libs/errors/src/index.ts', inAsync('await 1;'), '@typescript-eslint/await-thenable'],
  [
    'a switch that forgets a case',
    'libs/errors/src/index.ts',
    `export function f(x: 'a' | 'b'): void {\n  switch (x) {\n    case 'a':\n  }\n}\n`,
    '@typescript-eslint/switch-exhaustiveness-check',
  ],
  ['promises in order', 'libs/errors/src/index.ts', inAsync('await f();'), undefined],
];

let broken: string[][];

beforeAll(async () => {
  const linter = spawn(process.execPath, [join(root, 'tools/eslint/lint-texts.mjs')], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false', NX_TUI: 'false' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  linter.stdin.end(JSON.stringify(cases.map(([, path, text]) => ({ path, text }))));
  broken = JSON.parse(await readAll(linter.stdout)) as string[][]; // one list for each case
});

describe('lint', () => {
  test.each(
    cases.map(([what, , , rule], i) => [what, rule === undefined ? 'passes' : `breaks ${rule}`, rule, i] as const),
  )('%s: %s', (_what, _verdict, rule, i) => {
    expect(broken[i]).toEqual(rule === undefined ? [] : [rule]);
  });

  test('the import table has a row for each project, and each project the tag of its row', async () => {
    // plain JavaScript, without types
    const { importTable, tagOf } = (await import(join(root, 'tools/eslint/import-table.mjs'))) as {
      importTable: Record<string, string[]>;
      tagOf: (name: string) => string;
    };
    for (const folder of ['libs', 'apps']) {
      for (const name of readdirSync(join(root, folder)).filter((name) => name !== 'testkit')) {
        // npm requires the form, Nx reads the tags
        const { nx } = JSON.parse(readFileSync(join(root, folder, name, 'package.json'), 'utf8')) as {
          nx: { tags: string[] };
        };
        expect(nx.tags).toContain(tagOf(name));
        expect(importTable).toHaveProperty([name]);
      }
    }
  });
});
