import type { Cid } from '@dta/codec';
import {
  decodeBundle,
  encodeBundle,
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
  verifyEnvelope,
  type Recipient,
} from '@dta/envelope';
import { DtaError, isDtaError } from '@dta/errors';
import {
  assertNotAhead,
  decisionStatement,
  IdentityDirectory,
  identityStatement,
  isStatement,
  parseStatement,
  revocationStatement,
  signStatement,
  verifySignature,
  type Identity,
  type StatementOf,
} from '@dta/identity';
import { acknowledgedStatement, forwardStatement } from '@dta/order';
import type { JudgedDecision } from './chain-ends.js';
import { addDocument, addLineage } from './lineage.js';
import type { Node } from './node.js';
import type { Told } from './refusal-log.js';

/**
 * Verb `identity`: successors of admitted chains, Decisions and Revocations. They prove themselves, so an admitted sender may
 * pass on anyone's, and one whose own chain is over may still say so. Saying it again changes nothing, so no reply is stored.
 *
 * @param payload a bundle: a Forward of the sender's, then what it forwards, the oldest document first
 * @returns the reply's bundle: Acknowledged
 * @throws `identity_not_admitted`, `identity_not_found`, `envelope_invalid`, `signature_invalid`, `identity_invalid`,
 * `time_ahead`, `identity_frozen` where this node's own chain says nothing new
 */
export async function takeIdentities(node: Node, payload: Uint8Array): Promise<Uint8Array> {
  const about: Told = { verb: 'identity', peer: null, isVerified: false, order: null };
  try {
    return await take(node, payload, about);
  } catch (error) {
    node.refusals.refused(about, error);
    throw error;
  }
}

const news = [identityStatement, decisionStatement, revocationStatement] as const;
type News = StatementOf<(typeof news)[number]>;

/** What one statement is refused for, whatever the others are worth. */
const REFUSALS = [
  'identity_not_admitted',
  'identity_not_found',
  'identity_invalid',
  'signature_invalid',
  'time_ahead',
] as const;

async function take(node: Node, payload: Uint8Array, about: Told): Promise<Uint8Array> {
  const { admission, ring, role, now } = node;
  const bundle = decodeBundle(payload);
  const [bytes = new Uint8Array()] = bundle.envelopes;
  const envelope = parseEnvelope(bytes);
  const { header } = envelope;
  about.peer = header.sender;
  const directory = new IdentityDirectory({ below: admission.directory });
  await addLineage(directory, admission, header.sender, bundle.identities, now());
  const sender = directory.get(header.sender);
  verifyEnvelope(envelope, sender);
  Object.assign(about, { peer: directory.firstOf(sender.cid), isVerified: true });
  assertNotAhead(header.createdAt, now());
  if (header.order !== null || header.prev.length > 0 || header.log || bundle.envelopes.length > 1) {
    throw new DtaError('envelope_invalid', 'a message of identities is of no order, answers nothing and is not logged');
  }
  const [first = new Uint8Array(), ...documents] = await openEnvelope(envelope, ring.openers(role));
  const forward = readForward(first, header.sender, directory, now());
  const statements = documents.map((document) => parseStatement(news, document));
  if (statements.map(({ cid }) => cid).join(' ') !== forward.statements.join(' ')) {
    throw new DtaError('envelope_invalid', 'the Forward names other statements than come with it');
  }
  await note(node, statements, directory, directory.firstOf(header.sender));
  const { cid: id, keys } = whomToAnswer(directory, sender);
  return reply(node, forward.cid, envelope.cid, { id, role: header.from, kem: keys.kem });
}

/**
 * Notes each statement for itself: one that is refused takes nothing from the others, and a document that is no news, since
 * the chain is frozen here or on another line, still makes checkable what the recovery key says of it.
 *
 * @throws what the first of those that were refused was refused for, once the others are noted
 */
async function note(
  { admission, now }: Node,
  statements: readonly News[],
  directory: IdentityDirectory,
  teller: Cid,
): Promise<void> {
  const refusals: DtaError[] = [];
  const each = async <S extends News>(all: readonly S[], work: (one: S) => Promise<void>) => {
    for (const one of all) {
      await work(one).catch((error: unknown) => {
        if (!isDtaError(error, ...REFUSALS)) throw error; // it says nothing of the statement
        refusals.push(error);
      });
    }
  };
  const documents: Identity[] = [];
  await each(
    statements.filter((one) => isStatement(identityStatement, one)),
    async (document) => {
      await admission.assertAdmitted(document.body.prev ?? document.cid, directory);
      documents.push(addDocument(directory, document, now()));
    },
  );
  const decisions: JudgedDecision[] = [];
  await each(
    statements.filter((one) => isStatement(decisionStatement, one)),
    async (decision) => {
      const judged = await admission.judge(decision, directory);
      if (judged !== null) decisions.push(judged);
    },
  );
  await admission.learn(documents, decisions);
  await each(
    statements.filter((one) => isStatement(revocationStatement, one)),
    ({ bytes }) => admission.revoke(bytes, teller, directory),
  );
  const [refusal] = refusals;
  if (refusal !== undefined) throw refusal;
}

/**
 * The sender by its newest document. Where its chain is frozen, or goes on without that document, by the one that it sent
 * with: it could open nothing else, and an Acknowledged says no more than that a message came.
 */
function whomToAnswer(directory: IdentityDirectory, sender: Identity): Identity {
  const { documents, rivals } = directory.lineOf(sender.cid);
  const isOnLine = rivals.length === 0 && documents.some(({ cid }) => cid === sender.cid);
  return isOnLine ? directory.newestOf(sender.cid) : sender;
}

/** What the sender says in its own name: which statements it passes on. */
function readForward(
  bytes: Uint8Array,
  sender: Cid,
  directory: IdentityDirectory,
  now: number,
): { cid: Cid; statements: readonly Cid[] } {
  const forward = parseStatement([forwardStatement], bytes);
  const { issuer, order, createdAt, statements } = forward.body;
  if (order !== null || issuer === null || !directory.sameChain(issuer, sender)) {
    throw new DtaError('envelope_invalid', "the message is not the sender's Forward");
  }
  verifySignature(forward, directory.get(issuer).keys.sign);
  assertNotAhead(createdAt, now);
  return { cid: forward.cid, statements };
}

async function reply(
  { ring, role, now }: Node,
  acknowledged: Cid,
  request: Cid,
  recipient: Recipient,
): Promise<Uint8Array> {
  const { identity, key } = ring.author;
  const said = { issuer: identity.cid, order: null, createdAt: now(), statement: acknowledged };
  const { bytes } = await signStatement(acknowledgedStatement, said, [key]);
  const about = { order: null, prev: [request], log: false, recipients: [recipient], statements: [bytes], now: now() };
  const envelope = await sealEnvelope({ sender: identity, from: role, ...about }, key);
  const identities = ring.identities.map((own) => own.bytes);
  return encodeBundle({ envelopes: [envelope.bytes], attachments: [], identities });
}
