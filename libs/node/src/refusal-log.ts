import type { Cid } from '@dta/codec';
import { DtaError, toDtaError, type ErrorCode } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { Logger } from '@dta/service';
import { LRUCache } from 'lru-cache';
import { lacking } from './last-error.js';

/** A message that this node refused. */
export interface Refused {
  readonly verb: string;
  /** Who sent it: the chain's first document, or the name that it claims while nothing is verified; null: it has none. */
  readonly peer: Cid | null;
  /** Whether it was by an admitted peer, whose signature held. */
  readonly isVerified: boolean;
  readonly order: Cid | null;
}

/** What is known of a message so far, should it be refused. */
export type Told = { -readonly [Field in keyof Refused]: Refused[Field] };

/** Tells of refusals in the log, one line each as far as the limits go. */
export interface RefusalLog {
  refused(what: Refused, error: unknown): void;
}

/** What was told of is told of again after this. */
const AGAIN_MS = 60_000;
/** Lines a minute, of all that nobody vouches for and of all admitted peers: whoever sends fills no disk. */
const LINES_PER_MINUTE = { stranger: 10, peer: 600 } as const;
const REMEMBERED_MAX = 2_000;

/** What the operator of the refusing node can do, by code. */
const advice: Partial<Record<ErrorCode, string>> = {
  identity_not_admitted:
    'if this peer is to be served, admit it: POST /v1/identity with its documents, or files in ADMITTED_IDENTITIES',
  identity_not_found: "admit the peer's newest document and its predecessors: the message lacks one of them",
  identity_frozen:
    "the peer's chain is frozen, revoked or has a newer document: its operator runs all replicas on the newest key file",
  identity_invalid: 'a document of the peer does not verify: compare it with what its operator shows',
  time_ahead: "compare the clocks: the peer's is ahead of this one, by more than 120 s",
  envelope_invalid: "the message was altered or is for other keys: does the peer know this node's newest document?",
  signature_invalid: 'the message was altered, or is not by the peer that it names',
  document_invalid: 'compare the versions of both nodes: the message is not of this one',
  non_canonical: 'compare the versions of both nodes: the message is not of this one',
  unauthenticated: "give gateway and role the same key: the role's INTERNAL_KEY is the gateway's key of that role",
  replayed: "compare the clocks of gateway and role, or look for who repeats the gateway's calls",
};

/**
 * One line for each refusal: peer, verb, code, what to do. The same peer is told of once a minute for one verb, code and order,
 * and strangers together ten times a minute, whatever names they take; the next line says how many were left out.
 */
export function createRefusalLog(log: Logger, role: Role, now: () => number = () => performance.now()): RefusalLog {
  const told = new LRUCache<string, number>({ max: REMEMBERED_MAX });
  const minutes = { stranger: { begun: now(), lines: 0 }, peer: { begun: now(), lines: 0 } };
  let leftOut = 0;

  const hasRoom = (kind: keyof typeof minutes): boolean => {
    const minute = minutes[kind];
    if (now() - minute.begun >= AGAIN_MS) Object.assign(minute, { begun: now(), lines: 0 });
    if (minute.lines >= LINES_PER_MINUTE[kind]) return false;
    minute.lines += 1;
    return true;
  };

  return {
    refused: ({ verb, peer, isVerified, order }, error) => {
      const { code, message, metadata } = toDtaError(error);
      const key = [isVerified, peer, verb, code, isVerified ? order : null].join(' ');
      const before = told.get(key);
      const isRepeated = before !== undefined && now() - before < AGAIN_MS;
      if (isRepeated || !hasRoom(isVerified ? 'peer' : 'stranger')) return void (leftOut += 1);
      told.set(key, now());
      const about = { role, peer, verb, code, ...(order !== null && { orderReference: order }) };
      const more = { ...(leftOut > 0 && { leftOut }), ...(!isVerified && { isVerified }) };
      const lacks = code === 'identity_not_admitted' ? { lacks: metadata['identity'] ?? peer } : {};
      const toDo = advice[code];
      const fields = { ...about, ...lacks, reason: message, ...(toDo !== undefined && { toDo }), ...more };
      leftOut = 0;
      log[toDo === undefined ? 'info' : 'warn'](fields, 'a message was refused');
    },
  };
}

/**
 * What an error of admission is called wherever it is thrown: whose list lacks whom.
 *
 * @param list null where a list is read without its node
 */
export function notAdmitted(list: Cid | null, identity: Cid): DtaError {
  const sentence = list === null ? `the admission list lacks ${identity}` : lacking(list, identity);
  return new DtaError('identity_not_admitted', sentence, {
    metadata: { ...(list !== null && { list }), identity },
  });
}
