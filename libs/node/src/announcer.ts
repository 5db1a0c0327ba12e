import { cidOf, encodeCanonical, type Cid } from '@dta/codec';
import { BACKOFF_MIN_MS, BACKOFF_UNAWAITED_MAX_MS, PEER_CALL_TIMEOUT_MS } from '@dta/contracts';
import { parseEnvelope, sealEnvelope, type Recipient } from '@dta/envelope';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import { CLOCK_SKEW_MS, parseStatement, signStatement, verifySignature, type Role } from '@dta/identity';
import { acknowledgedStatement, forwardStatement } from '@dta/order';
import { exchange } from './exchange.js';
import type { Node } from './node.js';
import { periodically } from './periodic.js';
import type { Job } from './role-app.js';

const TURN_MS = 2_000;
const AT_A_TIME = 16;
const VERB = 'identity';

interface Owed {
  /** names all of it */
  readonly news: Cid;
  /** first CID of its chain */
  readonly peer: Cid;
  readonly role: Role;
  readonly forward: Cid;
  readonly envelope: Buffer;
}

/**
 * Tells every admitted peer, in each of its roles, of this node's successors, of what was decided of forks and of its chain's end: an
 * envelope each,
 * stored before it is first sent, sent until it is acknowledged. Whoever is admitted later is told then.
 */
export function startAnnouncer(node: Node): Job {
  let wasSilent = false;
  return periodically('announce', TURN_MS, node.log, async () => {
    const { admission, ring, role, log, clock } = node;
    if (!clock.agrees) return; // what it stores has a date
    await admission.isAdmitted(ring.first); // looks at what other replicas were told
    const standing = admission.directory.standingOf(ring.first);
    const isSuperseded = !admission.directory.isNewest(ring.newest.cid);
    const isSilent = standing !== 'sound' || isSuperseded;
    if (isSilent && !wasSilent) {
      log.error({ role, identity: ring.newest.cid, standing, isSuperseded }, 'this node signs nothing new any more');
    }
    wasSilent = isSilent;
    if (standing === 'sound' && isSuperseded) return; // a replica with the newer key does it
    const { documents, ends } = await newsOf(node);
    const news = [...documents, ...ends];
    if (news.length === 0) return;
    await owe(node, news);
    for (let due = await takeDue(node); due.length > 0; due = await takeDue(node)) {
      await Promise.all(due.map((owed) => deliver(node, owed, ends.length > 0)));
    }
  });
}

/**
 * Asks a peer for a sign of life: tells it once more who this node is.
 *
 * @throws what the peer or the transport answers
 */
export async function greet(node: Node, party: Cid, role: Role): Promise<void> {
  const { admission, ring } = node;
  const { cid: id, keys } = admission.newestOf(party);
  const { forward, envelope } = await seal(node, [ring.author.identity.bytes], { id, role, kem: keys.kem });
  await announce(node, party, role, forward, envelope);
}

/** What peers may not know of this chain: every document but the first, which they admitted, Decisions, its Revocation. */
async function newsOf({ ring, admission }: Node): Promise<{ documents: Uint8Array[]; ends: Uint8Array[] }> {
  const [revocation, decisions] = [await admission.revocationOf(ring.first), await admission.decisionsOf(ring.first)];
  const successors = ring.identities.slice(1);
  const own = successors.flatMap(({ cid }) => decisions.get(cid) ?? []);
  return {
    documents: successors.map(({ bytes }) => bytes),
    ends: [...own, ...(revocation === null ? [] : [revocation])],
  };
}

/** Stores an envelope for each peer that has none of this news; older news is in it. */
async function owe(node: Node, news: readonly Uint8Array[]): Promise<void> {
  const { database, admission, ring } = node;
  const name = cidOf(encodeCanonical(news.map(cidOf)));
  const told: { peer: Cid; role: Role }[] = await database.query(
    'SELECT peer, role FROM announcements WHERE news = $1',
    [name],
  );
  const isTold = new Set(told.map(({ peer, role }) => `${peer} ${role}`));
  await database.query('DELETE FROM announcements WHERE news <> $1', [name]);
  for (const identity of admission.list()) {
    const peer = admission.directory.firstOf(identity.cid);
    if (peer === ring.first || admission.directory.standingOf(peer) !== 'sound') continue;
    for (const role of identity.roles) {
      if (isTold.has(`${peer} ${role}`)) continue;
      const { forward, envelope } = await seal(node, news, { id: identity.cid, role, kem: identity.keys.kem });
      await database.query(
        `INSERT INTO announcements (news, peer, role, forward, envelope) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING`,
        [name, peer, role, forward, Buffer.from(envelope)],
      );
    }
  }
}

async function seal(
  { role, now, lastWord: { identity, key } }: Node,
  news: readonly Uint8Array[],
  recipient: Recipient,
): Promise<{ forward: Cid; envelope: Uint8Array }> {
  const said = { issuer: identity.cid, order: null, createdAt: now(), statements: news.map(cidOf) };
  const forward = await signStatement(forwardStatement, said, [key]);
  const { bytes } = await sealEnvelope(
    {
      ...{ sender: identity, from: role, order: null, prev: [], log: false, now: now() },
      recipients: [recipient],
      statements: [forward.bytes, ...news],
    },
    key,
  );
  return { forward: forward.cid, envelope: bytes };
}

/** Those whose time has come, for this replica alone until they could have been answered. */
function takeDue({ database }: Node): Promise<Owed[]> {
  return database.query(
    `UPDATE announcements SET next_attempt_at = now() + make_interval(secs => $1::float / 1000)
     WHERE (news, peer, role) IN (
       SELECT news, peer, role FROM announcements WHERE answered_at IS NULL
         AND (next_attempt_at <= now() OR next_attempt_at > now() + make_interval(secs => $3::float / 1000))
       ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING news, peer, role, forward, envelope`,
    [2 * PEER_CALL_TIMEOUT_MS, AT_A_TIME, BACKOFF_UNAWAITED_MAX_MS],
  );
}

async function deliver(node: Node, { news, peer, role, forward, envelope }: Owed, areEnds: boolean): Promise<void> {
  const { database, log } = node;
  if (parseEnvelope(new Uint8Array(envelope)).header.createdAt > node.now() + CLOCK_SKEW_MS) {
    // sealed by a clock that was ahead: the peer would refuse it until then, so it is sealed anew at the next turn
    await database.query('DELETE FROM announcements WHERE news = $1 AND peer = $2 AND role = $3', [news, peer, role]);
    return;
  }
  try {
    await announce(node, peer, role, forward, new Uint8Array(envelope));
    await database.query(
      `UPDATE announcements SET answered_at = now(), last_error = NULL WHERE news = $1 AND peer = $2 AND role = $3`,
      [news, peer, role],
    );
  } catch (error) {
    const { code } = toDtaError(error);
    const isRefused = areEnds && !isDtaError(error, 'service_unavailable', 'timeout', 'busy');
    // until it is taken, the peer goes by a chain that is over, or by another line than its owner's
    if (isRefused)
      log.error({ role: node.role, peer, code }, 'a peer refuses to hear of the end of this chain or of a fork');
    else log.info({ role: node.role, peer, code }, 'a peer was not told of this identity yet');
    await database.query(
      `UPDATE announcements SET attempts = attempts + 1, last_error = $4, next_attempt_at = now() +
         make_interval(secs => least($6::float, $5::float * 2 ^ least(attempts, 16)) * (0.5 + random() / 2) / 1000)
       WHERE news = $1 AND peer = $2 AND role = $3`,
      [news, peer, role, code, BACKOFF_MIN_MS, BACKOFF_UNAWAITED_MAX_MS],
    );
  }
}

async function announce(node: Node, peer: Cid, role: Role, forward: Cid, envelope: Uint8Array): Promise<void> {
  const { ring } = node;
  const identities = ring.identities.map(({ bytes }) => bytes);
  const message = { envelopes: [envelope], attachments: [], identities };
  const { statements, directory } = await exchange(node, { party: peer, role, verb: VERB, order: null }, message);
  const [bytes = new Uint8Array(), ...more] = statements;
  const acknowledged = parseStatement([acknowledgedStatement], bytes);
  const { issuer, order, statement } = acknowledged.body;
  if (
    more.length > 0 ||
    order !== null ||
    statement !== forward ||
    issuer === null ||
    !directory.sameChain(issuer, peer)
  ) {
    throw new DtaError('envelope_invalid', 'news of an identity are acknowledged, and nothing else');
  }
  verifySignature(acknowledged, directory.get(issuer).keys.sign);
}
