// What tests of roles share: real roles on real PostgreSQL and the memory transport, and the test plays all other parties:
// it holds their keys, and can say and seal anything. Imported by tests only, as @dta/node/testing.
export {
  cast,
  codeOf,
  member,
  memberWithRecovery,
  RoleRig,
  rowsOf,
  steadyAt,
  successorOf,
  type Cast,
  type Member,
  type SuccessorOptions,
} from './role-rig.js';
export { WiredParties, type Changed } from './wired-parties.js';
export { PlayedPeers, type PlayedReply } from './played-peers.js';
export { ends, tell } from './news.js';
export { makeNewer, NEWER_STATE, type NewerRow } from './newer-row.js';
