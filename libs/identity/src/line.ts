import type { Cid } from '@dta/codec';
import type { Identity } from './identity.js';

/** How the documents of one chain hang together, in the eyes of a node that learnt them in a certain order. */
export interface Line {
  /** the documents that the node goes by, oldest first; the last is the newest */
  readonly documents: readonly Identity[];
  /** other successors of the last but one, which were signed by the live key too: while there are any the chain is frozen */
  readonly rivals: readonly Identity[];
  /** other successors of documents of the line, which retired keys have signed, or which were decided against: evidence */
  readonly forks: readonly Identity[];
}

/**
 * Follows a chain through its documents: the first successor that was seen is the one, and stays it. A second successor of
 * the last but one freezes the chain, for the newest key signed both; further down it is nothing but evidence
 * (docs/protocol.md §3, docs/adr/0015).
 *
 * @param seen all of one chain, in the order in which they were learnt; each after its predecessor
 * @param decided the document that the chain was decided to go on with, and all before it, oldest first
 */
export function followLine(seen: readonly Identity[], decided: readonly Cid[] = []): Line {
  const line: Identity[] = [];
  const rivals: Identity[] = [];
  for (const document of seen) {
    if (isDecidedAgainst(document, decided)) continue;
    const [newest, before] = [line.at(-1), line.at(-2)];
    if (before !== undefined && document.prev === before.cid) rivals.push(document);
    else if (document.prev === (newest?.cid ?? null) && rivals.length === 0) line.push(document);
  }
  const known = new Set([...line, ...rivals]);
  const retired = new Set(line.slice(0, -1).map(({ cid }) => cid));
  const forks = seen.filter((one) => one.prev !== null && retired.has(one.prev) && !known.has(one));
  return { documents: line, rivals, forks };
}

/** Whether another successor of its predecessor was decided for. */
function isDecidedAgainst({ cid, prev }: Identity, decided: readonly Cid[]): boolean {
  const at = prev === null ? -1 : decided.indexOf(prev);
  return at >= 0 && at < decided.length - 1 && decided[at + 1] !== cid;
}
