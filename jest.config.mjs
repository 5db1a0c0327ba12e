// Tests run on what tsc -b emitted: the same JavaScript and decorator metadata as in production, no transform.
// Long suites are named *.long.spec.ts and run alone: DTA_LONG=1, as `npm run test:long` sets it.
const suites = process.env.DTA_LONG === '1' ? '*.long.spec.js' : '!(*.long).spec.js';

export default {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testMatch: [
    `<rootDir>/{libs,apps,plugins,examples}/*/dist/test/**/${suites}`,
    `<rootDir>/e2e/dist/test/**/${suites}`,
  ],
  globalSetup: '<rootDir>/libs/testkit/dist/src/global-setup.js',
  globalTeardown: '<rootDir>/libs/testkit/dist/src/global-teardown.js',
  maxWorkers: 2,
  testTimeout: 90_000,
  transform: {},
  cacheDirectory: `${import.meta.dirname}/.cache/jest`,
  coverageProvider: 'v8',
  collectCoverageFrom: ['{libs,apps,plugins,examples}/*/dist/src/**/*.js'],
  modulePathIgnorePatterns: ['<rootDir>/.nx/', '<rootDir>/.cache/'],
};
