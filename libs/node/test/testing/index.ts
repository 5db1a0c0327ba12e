// What tests of roles share: real roles on real PostgreSQL and the memory transport, and everybody else played by the test,
// which holds all keys and can say and seal whatever it likes. Imported by tests only, as @dta/node/testing.
export {
  cast,
  codeOf,
  member,
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
