/**
 * What `npm run mutation` mutates: the projects whose code decides what is believed. Each has the suites of its own folder
 * `test` run on its mutants, but those named `without`.
 */
export const projects = {
  'libs/codec': {},
  'libs/crypto': {},
  'libs/identity': {},
  'libs/envelope': {},
  'libs/order': {},
  'libs/node': {
    sources: ['inbox', 'internal-inbox', 'said-again', 'admission', 'chains', 'chain-rows', 'lineage'].map(
      (name) => `src/${name}.ts`,
    ),
    without: ['worst-case.spec.js'], // measures time
  },
};
