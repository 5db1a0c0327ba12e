import { DtaError } from '@dta/errors';

/** Before an order is known to a role. */
export type Unborn = 'none';

/**
 * Principal.
 * requested: terms signed; enrolled: the beneficiary has made its keys; dealing: all members accepted, deals and
 * confirmations are under way; committed: the certificate is whole; releasing: a Redemption is under way; released: the
 * beneficiary has said that it holds the secret; renewing: a refresh or reshare is under way, over `before`.
 */
export type PrincipalState =
  | 'requested'
  | 'enrolled'
  | 'dealing'
  | 'committed'
  | 'releasing'
  | 'released'
  | 'renewing'
  | 'failed'
  | 'cancelled'
  | 'expired';

/** What moves a principal's order. */
export type PrincipalEvent =
  | 'place'
  | 'enrol'
  | 'deal'
  | 'next-round'
  | 'commit'
  | 'redeem'
  | 'good-receipt'
  | 'redemption-expires'
  | 'renew'
  | 'renewal-ends'
  | 'fail'
  | 'cancel'
  | 'cancellation-takes-effect'
  | 'keep-until-passes';

/**
 * Fiduciary.
 * accepted: promised a key for each dealer; dealt: its own deal is made; confirmed: holds a share that may be certified,
 * so the clock alone no longer erases it; committed: the certificate was shown; erased: nothing is left but a tombstone.
 */
export type FiduciaryState = 'accepted' | 'dealt' | 'confirmed' | 'committed' | 'erased';

/** What moves a fiduciary's order. */
export type FiduciaryEvent =
  | 'accept'
  | 'accept-alone'
  | 'deal'
  | 'confirm'
  | 'commit'
  | 'cancel'
  | 'setup-expires'
  | 'cancellation-takes-effect'
  | 'keep-until-passes';

/**
 * Beneficiary.
 * enrolled: keys for this order are made; committed: knows Y; held: y is stored; closed: nothing is accepted any more.
 */
export type BeneficiaryState = 'enrolled' | 'committed' | 'held' | 'closed';

/** What moves a beneficiary's order. */
export type BeneficiaryEvent =
  'enrol' | 'commit' | 'hold' | 'co-sign-cancellation' | 'cancellation-takes-effect' | 'keep-until-passes';

type Table<S extends string, E extends string, T extends string = S> = Readonly<
  Record<S | Unborn, Readonly<Partial<Record<E, T>>>>
>;

const settling = { 'cancellation-takes-effect': 'cancelled', 'keep-until-passes': 'expired' } as const;
const settingUp = { fail: 'failed', cancel: 'cancelled' } as const;

/** docs/protocol.md §6, row P. `before`: the state that the renewal began in. */
export const principalTransitions: Table<PrincipalState, PrincipalEvent, PrincipalState | 'before'> = {
  none: { place: 'requested' },
  requested: { enrol: 'enrolled', ...settingUp },
  enrolled: { deal: 'dealing', commit: 'committed', ...settingUp },
  dealing: { 'next-round': 'dealing', commit: 'committed', ...settingUp },
  committed: { redeem: 'releasing', renew: 'renewing', ...settling },
  releasing: { 'good-receipt': 'released', 'redemption-expires': 'committed', ...settling },
  released: { redeem: 'released', renew: 'renewing', ...settling },
  renewing: { 'renewal-ends': 'before' },
  failed: {},
  cancelled: {},
  expired: {},
};

/** States of a principal's order in which a step waits for an answer, so that a message is owed. */
export const awaitingStates: readonly PrincipalState[] = ['requested', 'enrolled', 'dealing', 'releasing'];

/** docs/protocol.md §6, row F. */
export const fiduciaryTransitions: Table<FiduciaryState, FiduciaryEvent> = {
  none: { accept: 'accepted', 'accept-alone': 'confirmed' },
  accepted: { deal: 'dealt', cancel: 'erased', 'setup-expires': 'erased' },
  dealt: { confirm: 'confirmed', cancel: 'erased', 'setup-expires': 'erased' },
  confirmed: {
    confirm: 'confirmed',
    commit: 'committed',
    'cancellation-takes-effect': 'erased',
    'keep-until-passes': 'erased',
  },
  committed: { commit: 'committed', 'cancellation-takes-effect': 'erased', 'keep-until-passes': 'erased' },
  erased: {},
};

/** docs/protocol.md §6, row B. */
export const beneficiaryTransitions: Table<BeneficiaryState, BeneficiaryEvent> = {
  none: { enrol: 'enrolled' },
  enrolled: { commit: 'committed', 'co-sign-cancellation': 'closed', 'keep-until-passes': 'closed' },
  committed: { hold: 'held', 'cancellation-takes-effect': 'closed', 'keep-until-passes': 'closed' },
  held: { hold: 'held', 'cancellation-takes-effect': 'closed', 'keep-until-passes': 'closed' },
  closed: {},
};

/** Whether no event leads out of a state of a principal's order: what was held for it goes. */
export function isEnded(state: PrincipalState): boolean {
  return Object.keys(principalTransitions[state]).length === 0;
}

/**
 * The state after `event`. The only place that says which change is valid.
 *
 * @throws `order_state_conflict` where the table has no such row
 */
export function next<S extends string, E extends string, T extends string>(
  table: Table<S, E, T>,
  state: S | Unborn,
  event: E,
): T {
  const to = table[state][event];
  if (to === undefined) {
    throw new DtaError('order_state_conflict', `an order that is ${state} does not ${event}`, {
      metadata: { state, event },
    });
  }
  return to;
}
