import type { Cid } from '@dta/codec';
import type { GroupName } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { signStatement, type Identity, type IdentityDirectory } from '@dta/identity';
import type { Author } from './evidence.js';
import { requestStatement, type Request } from './statements.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** How long a setup may take where the order doesn't say, in ms. */
export const DEFAULT_SETUP_MS = 15 * MINUTE;

/** How long a setup may take at most, in ms: for so long a fiduciary keeps the secrets of an order that may come to nothing. */
export const MAX_SETUP_MS = 7 * DAY;

/** How long after a cancellation without co-signature a fiduciary erases, where the order doesn't say, in ms. */
export const DEFAULT_CANCEL_DELAY_MS = 7 * DAY;

/**
 * The largest Request, extension included: then the redemption of 32 of 32, which carries all evidence, stays within the
 * 256 KiB of an envelope. An order that can be committed can be redeemed.
 */
const MAX_REQUEST_BYTES = 16 * 1024;

/** The group of an order's key where the order doesn't say. */
const DEFAULT_GROUP: GroupName = 'secp256k1';

/** What a principal may say of a new order; what it leaves out takes the protocol's default. */
export interface TermsInput {
  readonly plugin: string;
  readonly group?: GroupName | undefined;
  readonly fiduciaries: readonly Cid[];
  readonly beneficiary: Cid;
  readonly threshold?: number | undefined;
  readonly single?: boolean | undefined;
  readonly minDealers?: number | undefined;
  readonly setupBy?: number | undefined;
  readonly keepUntil?: number | undefined;
  readonly rules?: Request['body']['rules'] | undefined;
  readonly extension?: Record<string, unknown> | undefined;
}

/**
 * Signs the Request of a new order. Its CID is the order reference.
 *
 * @throws `terms_invalid`, `rule_unsupported`, `identity_not_found`: the checks that every other node will make, all but
 * that of its size before anything is signed
 */
export async function signRequest(
  input: TermsInput,
  author: Author,
  directory: IdentityDirectory,
  now: number,
): Promise<Request> {
  const n = input.fiduciaries.length;
  const threshold = input.threshold ?? Math.floor(n / 2) + 1;
  const terms: Terms = {
    issuer: author.identity.cid,
    order: null,
    createdAt: now,
    plugin: input.plugin,
    kind: 'key',
    group: input.group ?? DEFAULT_GROUP,
    threshold,
    fiduciaries: [...input.fiduciaries],
    single: input.single ?? false,
    minDealers: input.minDealers ?? Math.min(n, Math.max(threshold, 2 * threshold - 1)),
    minThreshold: threshold,
    beneficiary: input.beneficiary,
    setupBy: input.setupBy ?? now + DEFAULT_SETUP_MS,
    keepUntil: input.keepUntil ?? null,
    cancelDelay: DEFAULT_CANCEL_DELAY_MS,
    rules: input.rules ?? null,
    realm: null,
    extension: input.extension ?? {},
  };
  assertFit(terms, directory);
  const request = await signStatement(requestStatement, terms, [author.key]);
  assertSize(request);
  return request;
}

/** What a Request says, before it is signed. */
type Terms = Omit<Request['body'], 'v' | 'type' | 'nonce'>;

/**
 * Checks an order's terms (docs/protocol.md §6, Request): size, numbers that fit one another, parties in their roles,
 * fiduciaries of pairwise different chains and keys.
 *
 * @throws `terms_invalid` with the reason; `rule_unsupported` where this node can't evaluate a rule;
 * `identity_not_found` where a party's document isn't at hand
 */
export function checkTerms(request: Request, directory: IdentityDirectory): void {
  assertSize(request);
  assertFit(request.body, directory);
}

function assertSize({ bytes }: Request): void {
  if (bytes.length > MAX_REQUEST_BYTES) invalid(`a Request has at most ${MAX_REQUEST_BYTES} bytes`);
}

function assertFit(body: Terms, directory: IdentityDirectory): void {
  const n = body.fiduciaries.length;
  const { threshold: t } = body;
  if (t > n) invalid(`threshold ${t} is above the number of fiduciaries, ${n}`);
  if (t === 1 && n > 1 && !body.single)
    invalid('with threshold 1 each member holds the whole: say single to have that');
  if (body.minDealers < t || body.minDealers > n) invalid(`minDealers must be from ${t} to ${n}`);
  if (body.minThreshold > n) invalid(`minThreshold must be at most ${n}`);
  if (body.setupBy <= body.createdAt) invalid('setupBy must be after the order is made');
  if (body.setupBy > body.createdAt + MAX_SETUP_MS) invalid('setupBy must be at most 7 days after the order is made');
  if (body.keepUntil !== null && body.keepUntil <= body.setupBy) invalid('keepUntil must be after setupBy');
  if (body.rules !== null) throw new DtaError('rule_unsupported', 'this node evaluates no rules: it must be null');
  if (body.issuer === null) invalid('a Request names its principal as issuer');
  assertRole(directory.get(body.issuer), 'principal');
  assertRole(directory.get(body.beneficiary), 'beneficiary');
  const members = body.fiduciaries.map((cid) => directory.get(cid));
  for (const member of members) assertRole(member, 'fiduciary');
  if (new Set(body.fiduciaries.map((cid) => directory.firstOf(cid))).size !== n) {
    invalid('fiduciaries must be of pairwise different chains');
  }
  for (const key of ['sign', 'kem'] as const) {
    const keys = n === 1 ? [key] : members.map((member) => Buffer.from(member.keys[key]).toString('latin1'));
    if (new Set(keys).size !== n) invalid('fiduciaries must have pairwise different keys');
  }
}

function assertRole(identity: Identity, role: 'principal' | 'beneficiary' | 'fiduciary'): void {
  if (!identity.roles.includes(role)) invalid(`${identity.cid} is not a ${role}`);
}

function invalid(reason: string): never {
  throw new DtaError('terms_invalid', reason);
}

/**
 * The 1-based index of the fiduciary whose chain `cid` belongs to.
 *
 * @throws `identity_not_admitted` where the order doesn't name it
 */
export function memberIndex(request: Request, cid: Cid, directory: IdentityDirectory): number {
  const at = request.body.fiduciaries.findIndex((member) => directory.sameChain(member, cid));
  if (at < 0)
    throw new DtaError('identity_not_admitted', 'the order does not name this fiduciary', {
      metadata: { identity: cid },
    });
  return at + 1;
}
