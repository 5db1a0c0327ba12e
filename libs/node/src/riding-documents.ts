import { cidOf, type Cid } from '@dta/codec';
import { FIDUCIARIES_MAX } from '@dta/contracts';
import type { EnvelopeHeader } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { assertNotAhead, isStatement, parseStatement, type Identity, type IdentityDirectory } from '@dta/identity';
import { orderStatements, requestStatement, type VerifiedStatements } from '@dta/order';
import { assertNewNotAhead, type Admission } from './admission.js';
import { addDocument, parseDocument, type Document } from './lineage.js';

/** A principal, a beneficiary and the fiduciaries. */
const PARTIES_MAX = FIDUCIARIES_MAX + 2;

/** Whom a message of an order names: its recipients, the issuers of its statements, the parties of the Request. */
export function namedIn(
  { recipients }: Pick<EnvelopeHeader, 'recipients'>,
  statements: readonly Uint8Array[],
  verified: Pick<VerifiedStatements, 'get'>,
): Set<Cid> {
  const named = new Set<Cid>(recipients.map(({ id }) => id));
  for (const bytes of statements) {
    const cid = cidOf(bytes);
    const statement = verified.get(cid) ?? parseStatement(orderStatements, bytes, cid);
    if (statement.body.issuer !== null) named.add(statement.body.issuer);
    if (!isStatement(requestStatement, statement)) continue;
    for (const party of [statement.body.beneficiary, ...statement.body.fiduciaries]) named.add(party);
  }
  return named;
}

/**
 * Adds documents that ride along with a message of an order, verified: of the chains that it names, and of admitted ones,
 * which may have a successor that isn't known yet. Of the others form and date are checked, no signature, and nothing is
 * remembered: an admitted sender can have no more verified than an order's parties may have documents.
 *
 * @param named asked for only where there is a document that this process hasn't verified lately
 * @returns those that were added or known before
 * @throws `identity_invalid` for a document that does not verify, or whose predecessor isn't at hand; `envelope_invalid` where
 * more chains are named than an order has parties; `time_ahead`
 */
export function addRiding(
  directory: IdentityDirectory,
  admission: Pick<Admission, 'directory' | 'knows' | 'hasRead'>,
  documents: readonly Uint8Array[],
  named: () => Iterable<Cid>,
  now: number,
): Identity[] {
  const riding = new Map(documents.map((bytes) => [cidOf(bytes), bytes]));
  const isCheap = (cid: Cid) => directory.find(cid) !== undefined || admission.hasRead(cid);
  if ([...riding.keys()].every(isCheap)) {
    const identities = directory.add(documents);
    assertNewNotAhead(identities, admission, now);
    return identities;
  }
  const unknown = new Map<Cid, Document>();
  for (const [cid, bytes] of riding) {
    if (directory.find(cid) !== undefined) continue;
    const document = parseDocument(bytes, cid);
    assertNotAhead(document.body.createdAt, now);
    unknown.set(cid, document);
  }
  const firsts = firstsOf(unknown, directory);
  const chainOf = (cid: Cid) => directory.findFirst(cid) ?? firsts.get(cid);
  const wanted = new Set([...named()].flatMap((cid) => chainOf(cid) ?? []));
  if (wanted.size > PARTIES_MAX)
    throw new DtaError('envelope_invalid', 'a message names more parties than an order has');
  const add = (document: Document): void => {
    const before = document.body.prev === null ? undefined : unknown.get(document.body.prev);
    if (before !== undefined && directory.find(before.cid) === undefined) add(before);
    addDocument(directory, document, now);
  };
  for (const document of unknown.values()) {
    const first = chainOf(document.cid);
    if (first !== undefined && (wanted.has(first) || admission.knows(first))) add(document);
  }
  return [...riding.keys()].flatMap((cid) => directory.find(cid) ?? []);
}

/**
 * The first document of the chain of each, as they say themselves: nothing is verified.
 *
 * @throws `identity_invalid` where a predecessor isn't at hand
 */
function firstsOf(documents: ReadonlyMap<Cid, Document>, directory: IdentityDirectory): Map<Cid, Cid> {
  const firsts = new Map<Cid, Cid>();
  for (const cid of documents.keys()) {
    const passed: Cid[] = [];
    let at = cid;
    let first = directory.findFirst(at) ?? firsts.get(at);
    while (first === undefined) {
      const document = documents.get(at);
      if (document === undefined)
        throw new DtaError('identity_invalid', 'the predecessor of an identity document is missing');
      passed.push(at);
      const { prev } = document.body;
      if (prev === null) first = at;
      else first = directory.findFirst((at = prev)) ?? firsts.get(at);
    }
    for (const one of passed) firsts.set(one, first);
  }
  return firsts;
}
