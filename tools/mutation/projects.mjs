/**
 * What `npm run mutation` mutates: the projects whose code decides what is believed; `sources` where not all. The suites of
 * the project's own folder `test` meet its mutants, or those named `suites`, and not those `without`; each mutant at most for
 * `share` of the time that all take.
 */
export const projects = {
  'libs/codec': {},
  'libs/crypto': {},
  'libs/identity': {},
  'libs/envelope': {},
  // whole orders up to 7 of 10, and thousands of sharings, take minutes: they aren't asked, and of the others a mutant meets
  // those that are quickest
  'libs/order': { without: ['order', 'sharing'], share: 0.4 },
  'libs/node': {
    sources: ['inbox', 'internal-inbox', 'said-again', 'admission', 'chains', 'chain-rows', 'lineage'].map(
      (name) => `src/${name}.ts`,
    ),
    suites: ['inbox', 'admission', 'chains', 'lineage', 'identity-verb', 'refusals'],
  },
};
