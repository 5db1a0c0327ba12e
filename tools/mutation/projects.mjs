/**
 * What `npm run mutation` mutates: the projects whose code decides what is believed; `sources` where not all. The suites of
 * the project's own folder `test` meet its mutants, or those named `suites`, and not those `without`.
 */
export const projects = {
  'libs/codec': {},
  'libs/crypto': {},
  'libs/identity': {},
  'libs/envelope': {},
  'libs/order': { without: ['order', 'sharing'] }, // whole orders up to 7 of 10, and thousands of sharings: minutes
  'libs/node': {
    sources: ['inbox', 'internal-inbox', 'said-again', 'admission', 'chains', 'chain-rows', 'lineage'].map(
      (name) => `src/${name}.ts`,
    ),
    suites: ['inbox', 'admission', 'chains', 'lineage', 'identity-verb', 'refusals'],
  },
};
