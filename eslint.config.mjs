// Import rules of docs/architecture.md, and the bans of CONTRIBUTING.md. Each is fed what it must catch by
// libs/testkit/test/lint.spec.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { createProjectGraphAsync } from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';
import { bannedBuiltins, bannedPackages, importTable, tagOf, thirdPartyTable } from './tools/eslint/import-table.mjs';
import { dta } from './tools/eslint/plugin.mjs';

// The rule reads this graph from Nx's cache, and without it, it is skipped without a failure.
process.env.NX_DAEMON = 'false';
process.env.NX_TUI = 'false';
await createProjectGraphAsync({ exitOnError: false, resetDaemonClient: true });

const tests = ['{libs,apps,plugins,examples}/*/test/**/*.ts', 'e2e/**/*.ts'];
const pureLibs = readdirSync(new URL('libs/', import.meta.url))
  .filter((name) =>
    JSON.parse(readFileSync(new URL(`libs/${name}/package.json`, import.meta.url), 'utf8')).nx.tags.includes(
      'layer:pure',
    ),
  )
  .map((name) => `libs/${name}/src/**/*.ts`);

const boundaries = (depConstraints, options = {}) => ({
  '@nx/enforce-module-boundaries': ['error', { depConstraints, ...options }],
});
const anyProject = { sourceTag: '*', onlyDependOnLibsWithTags: ['*'] };
const tableRows = Object.entries(importTable).map(([name, imports]) => ({
  sourceTag: tagOf(name),
  onlyDependOnLibsWithTags: imports.map(tagOf),
}));
const thirdPartyRows = Object.entries(thirdPartyTable).map(([layer, imports]) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: imports.map(tagOf),
}));
const pureRow = {
  sourceTag: 'layer:pure',
  onlyDependOnLibsWithTags: ['layer:pure'],
  bannedExternalImports: bannedPackages,
};

const builtins = `^(node:)?(${bannedBuiltins.join('|')})(/.*)?$`;
const restContracts = {
  regex: '^@dta/contracts/rest(/.*)?$',
  message: 'Only the gateway and the client speak REST.',
};
const pureBuiltins = { regex: builtins, message: 'Pure libs know no files, processes or network.' };
const groupOf = 'The group of an order is the one that its Request names: groupOf.';
const curves = [
  { regex: '^@dta/crypto$', importNames: ['secp256k1'], message: groupOf },
  { regex: '^(@noble/curves|tiny-secp256k1)(/.*)?$', message: groupOf },
];
const processModule = { regex: '^(node:)?process$', message: 'Use the global, whose `env` is watched.' };

const random = { object: 'Math', property: 'random', message: 'Use node:crypto.' };
const compare = { object: 'Buffer', property: 'compare', message: 'Not in constant time; for order use codec.' };
const wallClock = {
  object: 'Date',
  property: 'now',
  message: 'A date comes as `now`; an interval goes by performance.now(), since clocks are set.',
};
const environment = {
  object: 'process',
  property: 'env',
  message: 'Configuration is read once, by config.ts of an app.',
};

const definite = (node) => ({ selector: `${node}[definite=true]`, message: '`!` is for entities only.' });
const dynamicImport = (regex, message) => ({
  selector: `ImportExpression > Literal[value=/${regex.replaceAll('/', '\\/')}/]`,
  message,
});
const bansOfSyntax = [definite('PropertyDefinition'), definite('VariableDeclarator')];
const restDynamic = dynamicImport(restContracts.regex, restContracts.message);

export default tseslint.config(
  { ignores: ['**/dist/**', '**/coverage/**', '.nx/**', '.cache/**', '.dta/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    rules: {
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-var': 'error',
      'no-restricted-properties': ['error', random, compare],
    },
  },
  { files: ['**/*.mjs'], rules: { 'no-unused-vars': 'error' } },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@nx': nx, '@typescript-eslint': tseslint.plugin, dta },
    rules: {
      ...boundaries([...tableRows, ...thirdPartyRows, pureRow]),
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'dta/reason-for-cast': 'error',
      'dta/short-transactions': 'error',
      'no-console': 'error',
      'no-restricted-imports': ['error', { patterns: [restContracts, processModule] }],
      'no-restricted-properties': ['error', random, compare, environment, wallClock],
      'no-restricted-syntax': ['error', ...bansOfSyntax, restDynamic],
    },
  },
  { files: ['{apps,libs,plugins}/*/src/**/*.ts'], rules: { 'dta/listed-columns': 'error' } },
  {
    files: pureLibs,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [restContracts, processModule, pureBuiltins],
        },
      ],
      'no-restricted-syntax': [
        'error',
        ...bansOfSyntax,
        restDynamic,
        dynamicImport(builtins, 'Pure libs know no files, processes or network.'),
      ],
    },
  },
  {
    files: ['libs/order/src/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [restContracts, processModule, pureBuiltins, ...curves] }],
    },
  },
  {
    files: ['apps/gateway/src/**/*.ts', 'libs/client/src/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [processModule] }],
      'no-restricted-syntax': ['error', ...bansOfSyntax],
    },
  },
  {
    files: ['**/*.entity.ts'],
    rules: { 'no-restricted-syntax': ['error', restDynamic] },
  },
  {
    // where dates begin
    files: [
      'libs/node/src/clock.ts',
      'libs/document-store/src/filesystem/open-filesystem-store.ts',
      'apps/gateway/src/{start-gateway,api/node.controller}.ts',
      'apps/cli/src/commands/*.ts',
      'apps/standalone/src/folder.ts',
    ],
    rules: { 'no-restricted-properties': ['error', random, compare, environment] },
  },
  {
    files: ['apps/*/src/main.ts', 'apps/*/src/config.ts'],
    rules: { 'no-restricted-properties': ['error', random, compare] },
  },
  {
    files: ['apps/{cli,standalone}/src/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: [...tests, 'libs/testkit/src/**/*.ts'],
    rules: {
      ...boundaries([anyProject], { allowCircularSelfDependency: true }), // as others import it
      'no-console': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': ['error', random, compare],
      'no-restricted-syntax': 'off',
    },
  },
);
