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
import { DtaError } from '@dta/errors';
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
} from '@dta/identity';
import { acknowledgedStatement, forwardStatement } from '@dta/order';
import { assertNewNotAhead } from './admission.js';
import { addLineage } from './lineage.js';
import type { Node } from './node.js';
import type { Refused } from './refusal-log.js';

/**
 * Verb `identity`: successors of admitted chains, Decisions and Revocations. They prove themselves, so an admitted sender may
 * pass on anyone's, and one whose own chain is over may still say so. Saying it again changes nothing, so no reply is stored.
 *
 * @param payload a bundle: a Forward of the sender's, then what it forwards, the oldest document first
 * @returns the reply's bundle: Acknowledged
 * @throws `identity_not_admitted`, `envelope_invalid`, `signature_invalid`, `identity_invalid`, `time_ahead`,
 * `identity_frozen` where this node's own chain says nothing new
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

/** What is known so far of the sender, should the message be refused. */
type Told = { -readonly [Field in keyof Refused]: Refused[Field] };

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
  const statements = documents.map((document) =>
    parseStatement([identityStatement, decisionStatement, revocationStatement], document),
  );
  if (statements.map(({ cid }) => cid).join(' ') !== forward.statements.join(' ')) {
    throw new DtaError('envelope_invalid', 'the Forward names other statements than come with it');
  }
  for (const statement of statements) {
    if (isStatement(identityStatement, statement)) {
      await admission.assertAdmitted(statement.body.prev ?? statement.cid);
      const identities = directory.add([statement.bytes]);
      assertNewNotAhead(identities, admission, now());
      await admission.learn(identities);
    } else if (isStatement(decisionStatement, statement)) {
      await admission.decide(statement.bytes, directory);
    } else {
      await admission.revoke(statement.bytes, directory.firstOf(header.sender));
    }
  }
  const { cid: id, keys } = whomToAnswer(directory, sender);
  return reply(node, forward.cid, envelope.cid, { id, role: header.from, kem: keys.kem });
}

/** The sender by its newest document; where its chain is frozen, by the one of the two newest that it sent with. */
function whomToAnswer(directory: IdentityDirectory, sender: Identity): Identity {
  const { documents, rivals } = directory.lineOf(sender.cid);
  const isNewest = rivals.length > 0 && [...documents.slice(-1), ...rivals].some(({ cid }) => cid === sender.cid);
  return isNewest ? sender : directory.newestOf(sender.cid);
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
