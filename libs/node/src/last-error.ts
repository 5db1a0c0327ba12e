import { parseCid, type Cid } from '@dta/codec';
import { toDtaError } from '@dta/errors';

/** How the last attempt at a delivery ended, for people. */
export interface LastAttempt {
  /** the error's code */
  readonly lastError: string | null;
  /** whose admission list lacks whom; null: there is no more to say than the code */
  readonly detail: string | null;
}

/**
 * What a delivery's row keeps of an error: its code, and of `identity_not_admitted` the two names as well. The error of a
 * peer is unsigned, so its words are not kept: the list is that of `party`, and the name counts only if it is one.
 */
export function lastErrorOf(error: unknown, party: Cid): string {
  const { code, metadata } = toDtaError(error);
  const { list, identity, remote } = metadata;
  if (code !== 'identity_not_admitted' || !isName(list) || !isName(identity)) return code;
  return [code, remote === true ? party : list, identity].join(' ');
}

/** The code and the sentence of what {@link lastErrorOf} kept. */
export function readLastError(kept: string | null): LastAttempt {
  const [code = null, list, identity] = kept?.split(' ') ?? [];
  return { lastError: code, detail: list === undefined || identity === undefined ? null : lacking(list, identity) };
}

/** The sentence of whose list lacks whom. */
export function lacking(list: string, identity: string): string {
  return `the admission list of ${list} lacks ${identity}`;
}

function isName(text: unknown): text is Cid {
  try {
    return typeof text === 'string' && parseCid(text) === text;
  } catch {
    return false;
  }
}
