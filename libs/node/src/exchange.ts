import { cidOf, type Cid } from '@dta/codec';
import { PEER_CALL_TIMEOUT_MS, peerSubject } from '@dta/contracts';
import {
  decodeBundle,
  encodeBundle,
  openEnvelope,
  parseEnvelope,
  verifyEnvelope,
  type Bundle,
  type EnvelopeHeader,
} from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { assertNotAhead, IdentityDirectory, type Role } from '@dta/identity';
import type { Transport } from '@dta/transport';
import type { Admission } from './admission.js';
import type { KeyRing } from './key-ring.js';
import { addLineage } from './lineage.js';

/** What sending takes. */
export interface ExchangeParts {
  readonly role: Role;
  readonly transport: Transport;
  readonly ring: KeyRing;
  readonly admission: Admission;
  readonly now: () => number;
}

/** Whom a message is for, and what about. */
export interface Addressed {
  /** by any document of its chain */
  readonly party: Cid;
  readonly role: Role;
  readonly verb: string;
  readonly order: Cid | null;
}

/** A reply that is the party's own, to this very message, opened; its statements are for the caller to verify. */
export interface OpenedReply {
  readonly header: EnvelopeHeader;
  readonly statements: readonly Uint8Array[];
  /** what this node knows, the message's documents and those of the sender's chain */
  readonly directory: IdentityDirectory;
  readonly further: readonly Uint8Array[];
  readonly attachments: readonly Uint8Array[];
}

/**
 * Sends a message to another node and opens what it answers. A node is called by its chain's first CID, which a rotation
 * doesn't change: accounts at NATS stay as they are.
 *
 * @throws what the recipient or the transport answers, or what the reply is refused for
 */
export async function exchange(
  { transport, ring, admission, role, now }: ExchangeParts,
  { party, role: to, verb, order }: Addressed,
  message: Bundle,
): Promise<OpenedReply> {
  const subject = peerSubject(admission.directory.firstOf(party), to, verb);
  const reply = decodeBundle(
    await transport.request(subject, encodeBundle(message), { timeoutMs: PEER_CALL_TIMEOUT_MS }),
  );
  const directory = new IdentityDirectory({ below: admission.directory });
  directory.add(message.identities);
  const [bytes = new Uint8Array(), ...further] = reply.envelopes;
  const envelope = parseEnvelope(bytes);
  const { header } = envelope;
  await addLineage(directory, admission, header.sender, reply.identities, now());
  verifyEnvelope(envelope, directory.get(header.sender));
  assertNotAhead(header.createdAt, now());
  const [request = new Uint8Array()] = message.envelopes;
  if (
    !directory.sameChain(header.sender, party) ||
    header.from !== to ||
    header.order !== order ||
    header.prev.length !== 1 ||
    header.prev[0] !== cidOf(request)
  ) {
    throw new DtaError('envelope_invalid', 'reply by another, or to another message');
  }
  const statements = await openEnvelope(envelope, ring.openers(role));
  return { header, statements, directory, further, attachments: reply.attachments };
}
