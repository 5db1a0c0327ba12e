import type { Cid } from '@dta/codec';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import {
  decisionStatement,
  IdentityDirectory,
  isStatement,
  parseStatement,
  revocationStatement,
  type Identity,
  type StatementOf,
} from '@dta/identity';
import { assertNewNotAhead, type Admission } from './admission.js';
import type { AdmissionLog } from './chains.js';

/** What an end of a chain or of a fork is refused for where it says nothing of the chains that are admitted here. */
const SAYS_NOTHING = ['identity_invalid', 'identity_not_found', 'identity_not_admitted', 'signature_invalid'] as const;

/** Of these, what may change when another chain is admitted. */
const SAYS_NOTHING_YET = ['identity_not_found', 'identity_not_admitted'] as const;

/** A file that an operator put there for a role. */
export interface OwnFile {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/**
 * Admits the identities whose documents are among `files`, the documents of each chain at once, then ends forks whose Decisions
 * are, then chains whose Revocations are: however the files are named. A Decision or a Revocation that says nothing, as one by
 * a key that is retired meanwhile, is logged and left out.
 *
 * @param folder where they stand, for sentences
 * @returns whether none was left out that may say something once another chain or fork is known
 * @throws `start_failed`, before anything is admitted, for files that are none of the three, don't verify or are dated ahead:
 * with the name, the code and the sentence of each
 */
export async function admitFiles(
  admission: Admission,
  folder: string,
  files: readonly OwnFile[],
  { log, now }: { readonly log: AdmissionLog; readonly now: () => number },
): Promise<boolean> {
  const ends = files.flatMap(({ file, bytes }) => {
    const end = asEnd(bytes);
    return end === undefined ? [] : [{ file, end }];
  });
  const isEnd = new Set(ends.map(({ file }) => file));
  const { chains, faults } = byChain(
    admission,
    files.filter(({ file }) => !isEnd.has(file)),
    now(),
  );
  if (faults.length > 0) throw failed(folder, faults);
  for (const documents of chains) await admission.admit(documents.map(({ bytes }) => bytes));
  let isWhole = true;
  for (const { file, end } of ends.sort((a, b) => inOrder(a.end, b.end))) {
    try {
      await take(admission, end);
    } catch (error) {
      if (isDtaError(error, 'time_ahead')) throw failed(folder, [{ file, error }]); // it will say something
      if (!isDtaError(error, ...SAYS_NOTHING)) throw error;
      if (isDtaError(error, ...SAYS_NOTHING_YET)) isWhole = false;
      log.error(
        { file, identity: end.body.identity, code: error.code, reason: error.message },
        'a Revocation or Decision in the folder of admitted identities says nothing, and is left out',
      );
    }
  }
  return isWhole;
}

interface Fault {
  readonly file: string;
  readonly error: unknown;
}

/** Documents by the chain that they are of; a successor may stand before its predecessor. */
function byChain(
  admission: Admission,
  files: readonly OwnFile[],
  now: number,
): { chains: Iterable<readonly Identity[]>; faults: Fault[] } {
  const directory = new IdentityDirectory({ below: admission.directory });
  const chains = new Map<Cid, Identity[]>();
  let faults: Fault[] = [];
  for (let waiting = files, before = -1; waiting.length !== before;) {
    before = waiting.length;
    faults = [];
    waiting = waiting.filter(({ file, bytes }) => {
      try {
        assertNewNotAhead([directory.reader(bytes)], admission, now);
        for (const identity of directory.add([bytes])) {
          const first = directory.firstOf(identity.cid);
          chains.set(first, [...(chains.get(first) ?? []), identity]);
        }
        return false;
      } catch (error) {
        faults.push({ file, error });
        return true;
      }
    });
  }
  return { chains: chains.values(), faults };
}

function failed(folder: string, faults: readonly Fault[]): DtaError {
  const sentences = faults.map(({ file, error }) => {
    const { code, message } = toDtaError(error);
    return `${file} (${code}: ${message})`;
  });
  return new DtaError(
    'start_failed',
    `no valid identity documents, Revocations or Decisions in ${folder}: ${sentences.join(', ')}`,
    { cause: faults[0]?.error },
  );
}

/**
 * Takes what an operator gives of one chain at once, in any order: its documents, then Decisions, then its Revocation. What was
 * noted before a refusal stays; to give all of it again changes nothing.
 *
 * @returns the CID of the newest document; without one, that which the last Decision or the Revocation names
 * @throws as `Admission.admit`, `Admission.decide` and `Admission.revoke`
 */
export async function admitGiven(admission: Admission, given: readonly Uint8Array[]): Promise<Cid> {
  const ends = given.flatMap((bytes) => asEnd(bytes) ?? []).sort(inOrder);
  const last = ends.at(-1);
  const documents = given.filter((bytes) => asEnd(bytes) === undefined);
  const named =
    documents.length > 0 || last === undefined ? (await admission.admit(documents)).cid : last.body.identity;
  for (const end of ends) await take(admission, end);
  return named;
}

type End = StatementOf<typeof revocationStatement | typeof decisionStatement>;

async function take(admission: Admission, end: End): Promise<void> {
  if (isStatement(revocationStatement, end)) await admission.revoke(end.bytes);
  else await admission.decide(end.bytes);
}

/** Decisions first, which say whose key may revoke; of one kind the older first, as it was said. */
function inOrder(a: End, b: End): number {
  const kind = (end: End) => Number(isStatement(revocationStatement, end));
  return kind(a) - kind(b) || a.body.createdAt - b.body.createdAt || (a.cid < b.cid ? -1 : 1);
}

function asEnd(bytes: Uint8Array): End | undefined {
  try {
    return parseStatement([revocationStatement, decisionStatement], bytes);
  } catch {
    return undefined; // a document, or nothing at all: admission says what is wrong with it
  }
}
