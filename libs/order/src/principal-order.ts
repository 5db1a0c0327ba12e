import { type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { type Role } from '@dta/identity';
import type { VerbFrom } from './messages.js';
import type { OrderStatement } from './statements.js';
import type { Settled } from './step.js';
import { next, principalTransitions, type PrincipalEvent, type PrincipalState } from './transitions.js';

/** A principal's row of an order. */
export interface PrincipalOrder {
  readonly ref: Cid;
  readonly state: PrincipalState;
  readonly createdAt: number;
  readonly setupBy: number;
  readonly keepUntil: number | null;
  readonly beneficiary: Cid;
  readonly fiduciaries: readonly Cid[];
  readonly threshold: number;
  /** P's Forward of the Acceptances that it asked Deals of */
  readonly forward: Cid | null;
  readonly manifest: Cid | null;
  /** the Commitment statement, and Y in it, a point of the order's group */
  readonly certificate: Cid | null;
  readonly commitment: Uint8Array | null;
  readonly redemption: Cid | null;
  readonly redemptionExpiresAt: number | null;
  readonly failure: Failure | null;
}

/** Why an order failed, and who owed what. */
export interface Failure {
  readonly reason: string;
  readonly owing: readonly { readonly party: Cid; readonly lastError: string | null }[];
}

/** What P asks of others. */
export type PrincipalVerb = VerbFrom<'principal'>;

/** One recipient of a step's envelope, and what travels beside it for this one alone. */
export interface Addressee {
  /** as the order names it */
  readonly party: Cid;
  readonly role: Role;
  readonly verb: PrincipalVerb;
  readonly attachments: readonly Uint8Array[];
}

/** One envelope to seal, and whom to deliver it to. */
export interface Outgoing {
  /** the message first */
  readonly statements: readonly OrderStatement[];
  readonly addressees: readonly Addressee[];
}

/** What P does next: its row, what it signed, what it sends. */
export interface PrincipalStep {
  readonly order: PrincipalOrder;
  readonly keep: readonly OrderStatement[];
  readonly outgoing: readonly Outgoing[];
  readonly settled: Settled | null;
  /** verbs of messages that earlier steps owe, and that no party needs any more; none by default */
  readonly closes?: readonly PrincipalVerb[] | 'all';
}

/** The state after `event`. @throws `order_state_conflict` where the order has no such step */
export function principalState(state: PrincipalState | 'none', event: PrincipalEvent): PrincipalState {
  const to = next(principalTransitions, state, event);
  if (to === 'before') throw new DtaError('order_state_conflict', 'a renewal has no place yet');
  return to;
}

/** The order's beneficiary, as whom a message is for. */
export function toBeneficiary({ beneficiary }: PrincipalOrder, verb: PrincipalVerb): Addressee {
  return { party: beneficiary, role: 'beneficiary', verb, attachments: [] };
}

/** Each of the order's fiduciaries, with what travels beside the message to the member of that index, 1-based. */
export function toFiduciaries(
  { fiduciaries }: PrincipalOrder,
  verb: PrincipalVerb,
  attachments: (member: number) => readonly Uint8Array[],
): Addressee[] {
  return fiduciaries.map((party, at) => ({ party, role: 'fiduciary', verb, attachments: attachments(at + 1) }));
}
