import { cidOf, type Cid } from '@dta/codec';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import {
  IdentityDirectory,
  MAX_GENERATIONS,
  readIdentity,
  verifySignature,
  type Identity,
  type Role,
} from '@dta/identity';
import { parseEnvelope, verifyEnvelope } from './envelope.js';
import { parseSegment, type Segment } from './segment.js';

/** The bytes of a block, out of a store that is trusted with nothing. @throws `block_not_found`, `store_unavailable` */
export type ReadBlock = (cid: Cid) => Promise<Uint8Array>;

/** A head of a chain that was audited before. */
export interface SeenHead {
  readonly segment: Cid;
  readonly seq: number;
}

/** What a chain of segments was found to be. */
export interface LogAudit {
  /** the first document of the identity chain that signs the log: with `role`, its name */
  readonly identity: Cid;
  readonly role: Role;
  readonly head: SeenHead;
  readonly segments: number;
  readonly envelopes: number;
}

/** Which log is audited. */
export interface AuditedLog {
  readonly head: Cid;
  /** the role that it should be of; null: whatever the head says */
  readonly role: Role | null;
  /** any document of the identity chain that should have signed it; null: whoever the head says */
  readonly identity: Cid | null;
  /** the newest head that was audited before, by the log's name; undefined where there is none */
  readonly seen: (identity: Cid, role: Role) => SeenHead | undefined;
}

/** Envelopes read at a time. */
const AT_A_TIME = 16;

/**
 * Walks a role's log from its head to its first segment and checks all that can be checked without a key: that each block
 * is what its CID names; that each segment is signed by the one chain of identities, in the order of its generations; that
 * numbers fall by one to 0; that each envelope is for the log, by this role, and its signature holds; and that the head
 * comes after the one that was seen before.
 *
 * @throws `log_fork`, `log_gap`, `log_rollback`, `segment_invalid`, `signature_invalid`, `envelope_invalid` and what else
 * is wrong with an envelope or identity, `block_invalid`, `block_not_found`; `store_unavailable` where it can't be told
 */
export async function auditLog(read: ReadBlock, log: AuditedLog): Promise<LogAudit> {
  const blocks = checked(read);
  const head = await readSegment(blocks, log.head);
  const signers = await Signers.of(blocks, head.issuer);
  if (log.identity !== null && !signers.knows(log.identity)) await signers.assertFollows(log.identity, blocks);
  if (log.role !== null && log.role !== head.role)
    throw invalid(head, `the log of a ${head.role}, not of a ${log.role}`);
  const seen = log.seen(signers.first, head.role);
  if (seen !== undefined && seen.seq > head.seq) throw await rolledBack(blocks, head, seen);

  let envelopes = 0;
  for (let segment = head, newest = signers.generationOf(head); ; segment = await readPrevious(blocks, segment)) {
    newest = await about(segment.seq, () => checkSegment(blocks, segment, { signers, newest, role: head.role, seen }));
    envelopes += segment.envelopes.length;
    if (segment.seq === 0) break; // its check has found that it follows none
  }
  return {
    identity: signers.first,
    role: head.role,
    head: { segment: head.cid, seq: head.seq },
    segments: head.seq + 1,
    envelopes,
  };
}

/**
 * The first document of the chain that `cid` belongs to: with a role, the name of its log. An identity that isn't in the
 * store, as of a role that has published nothing yet, is taken for a first one.
 *
 * @throws `identity_invalid`, `block_invalid`, `store_unavailable`
 */
export async function firstIdentity(read: ReadBlock, cid: Cid): Promise<Cid> {
  try {
    return (await Signers.of(checked(read), cid)).first;
  } catch (error) {
    if (isDtaError(error, 'block_not_found')) return cid;
    throw error;
  }
}

/** Holds every block against its CID, whoever reads it. */
function checked(read: ReadBlock): ReadBlock {
  return async (cid) => {
    const bytes = await read(cid);
    if (cidOf(bytes) === cid) return bytes;
    throw new DtaError('block_invalid', 'the bytes of a block are not what its CID names', {
      metadata: { block: cid },
    });
  };
}

async function readSegment(read: ReadBlock, cid: Cid): Promise<Segment> {
  return parseSegment(await read(cid));
}

async function readPrevious(read: ReadBlock, { seq, prev }: Segment): Promise<Segment> {
  const gap = (message: string) => new DtaError('log_gap', message, { metadata: { seq: seq - 1 } });
  if (prev === null) throw gap(`segment ${seq} follows none, and is not the first`);
  const previous = await about(seq - 1, () => readSegment(read, prev));
  if (previous.seq === seq) throw forked(previous, null);
  if (previous.seq !== seq - 1) throw gap(`segment ${seq} follows ${previous.seq}`);
  return previous;
}

/** What the segments after one have shown. */
interface Walked {
  readonly signers: Signers;
  /** the generation that signed the segment after it */
  readonly newest: number;
  readonly role: Role;
  readonly seen: SeenHead | undefined;
}

/** Gives the generation that signed it. */
async function checkSegment(
  read: ReadBlock,
  segment: Segment,
  { signers, newest, role, seen }: Walked,
): Promise<number> {
  const issuer = signers.generationOf(segment);
  if (segment.role !== role) throw invalid(segment, `a segment of a ${segment.role} in the log of a ${role}`);
  if (issuer > newest) throw invalid(segment, 'signed by an identity that follows the one of later segments');
  if (segment.seq === 0 && segment.prev !== null) throw invalid(segment, 'the first segment follows another');
  verifySignature(segment.statement, signers.at(issuer).keys.sign);
  if (seen?.seq === segment.seq && seen.segment !== segment.cid) throw forked(segment, seen.segment);
  await checkEnvelopes(read, segment, signers, issuer);
  return issuer;
}

async function checkEnvelopes(
  read: ReadBlock,
  { role, envelopes }: Segment,
  signers: Signers,
  issuer: number,
): Promise<void> {
  const left = [...envelopes];
  const worker = async () => {
    for (let cid = left.pop(); cid !== undefined; cid = left.pop()) {
      const envelope = parseEnvelope(await read(cid));
      const sender = signers.find(envelope.header.sender);
      if (!envelope.header.log || envelope.header.from !== role || sender === undefined || sender > issuer) {
        throw new DtaError('envelope_invalid', 'an envelope that this role did not send for the log', {
          metadata: { envelope: cid },
        });
      }
      verifyEnvelope(envelope, signers.at(sender));
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: AT_A_TIME }, worker));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Says of which segment a fault was found. */
async function about<T>(seq: number, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    const { code, message, metadata } = toDtaError(cause);
    throw new DtaError(code, `segment ${seq}: ${message}`, { metadata: { ...metadata, seq }, cause });
  }
}

/** The head is older than one that was seen: taken back, or, where the seen one has another past, forked. */
async function rolledBack(read: ReadBlock, head: Segment, seen: SeenHead): Promise<DtaError> {
  const past = await pastOf(read, seen, head.seq);
  if (past !== undefined && past !== head.cid) return forked(head, past);
  return new DtaError('log_rollback', `the head is segment ${head.seq}, and segment ${seen.seq} was seen before`, {
    metadata: { seq: head.seq, segment: head.cid, seen: seen.segment, seenSeq: seen.seq },
  });
}

/** The segment `seq` in the past of a head, or undefined where the store doesn't hold that past. */
async function pastOf(read: ReadBlock, head: SeenHead, seq: number): Promise<Cid | undefined> {
  try {
    let segment = await readSegment(read, head.segment);
    while (segment.seq > seq) segment = await readPrevious(read, segment);
    return segment.cid;
  } catch {
    return undefined; // what was seen stays seen, whether it can be read again or not
  }
}

function forked({ cid, seq }: Segment, other: Cid | null): DtaError {
  return new DtaError('log_fork', `there are two segments ${seq}`, { metadata: { seq, segment: cid, other } });
}

function invalid({ cid, seq }: Segment, message: string): DtaError {
  return new DtaError('segment_invalid', message, { metadata: { segment: cid, seq } });
}

/** The chain of identities that signs a log, out of the store, up to the one that signed its head. */
class Signers {
  readonly #generations: readonly Identity[];
  readonly #places: ReadonlyMap<Cid, number>;

  private constructor(generations: readonly Identity[]) {
    this.#generations = generations;
    this.#places = new Map(generations.map(({ cid }, at) => [cid, at]));
  }

  static async of(read: ReadBlock, newest: Cid): Promise<Signers> {
    const documents: Uint8Array[] = [];
    for (let cid: Cid | null = newest; cid !== null;) {
      // before more are read: a chain without end would keep an auditor busy
      if (documents.length === MAX_GENERATIONS)
        throw new DtaError('identity_invalid', `the signer's chain has more than ${MAX_GENERATIONS} documents`);
      const bytes: Uint8Array = await read(cid);
      documents.push(bytes);
      cid = readIdentity(bytes).prev;
    }
    const directory = new IdentityDirectory();
    directory.add(documents);
    return new Signers(directory.lineageOf(newest));
  }

  get first(): Cid {
    return this.at(0).cid;
  }

  knows(cid: Cid): boolean {
    return this.#places.has(cid);
  }

  /** Whether `cid`, a document that the head's signer doesn't follow, follows it. @throws `segment_invalid` */
  async assertFollows(cid: Cid, read: ReadBlock): Promise<void> {
    const { first } = await Signers.of(read, cid);
    if (first !== this.first)
      throw new DtaError('segment_invalid', 'the log of another identity', { metadata: { identity: first } });
  }

  find(cid: Cid): number | undefined {
    return this.#places.get(cid);
  }

  /** Which of the chain signed it, the first being 0. @throws `segment_invalid` */
  generationOf(segment: Segment): number {
    const place = this.find(segment.issuer);
    if (place === undefined) throw invalid(segment, 'signed by another identity than the segments after it');
    return place;
  }

  at(generation: number): Identity {
    const identity = this.#generations[generation];
    if (identity === undefined) throw new DtaError('internal', 'a chain has no such generation');
    return identity;
  }
}
