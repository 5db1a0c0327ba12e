import type { Role } from '@dta/identity';
import type { OrderStatement } from './statements.js';
import { beneficiaryTransitions, fiduciaryTransitions } from './transitions.js';

type Says = OrderStatement['body']['type'];

/** What answers a message; anything more or less is refused. */
export interface Answers {
  /** the statements of the reply, of one type each */
  readonly says: readonly Says[];
  /** the same in an order of one fiduciary, where that differs */
  readonly alone?: readonly Says[];
  /** what travels beside the reply: one attachment for each fiduciary, except in an order of one */
  readonly attachments: 'none' | 'one-a-member';
  /** whether sealed envelopes for a third party come with the reply */
  readonly envelopes: boolean;
}

/** One verb of an order: all that code outside a step needs to know of it. */
export interface Message {
  /** roles that may send it */
  readonly from: readonly Role[];
  /** roles that serve it */
  readonly to: readonly Role[];
  /** the type of its first statement */
  readonly says: Says;
  readonly answers: Answers;
  /** what travels beside the message: one attachment from each fiduciary that answered before */
  readonly attachments: 'none' | 'one-a-member';
  /** whether it may be the first that its recipient hears of the order */
  readonly begins: boolean;
  /** the part of an order that it belongs to; `any`: it is sent when it can be, whatever else is under way */
  readonly part: 'setup' | 'redemption' | 'any';
  /** whether a step of the sender waits for the answer; what no step waits for is retried more and more rarely */
  readonly awaited: boolean;
  /** the verb of the same envelope whose answers it carries on: it is sent once a threshold of those has come */
  readonly after: 'release' | null;
  /** what the sender does where the recipient's identity is frozen: waits with its step, leaves it out, or owes it later */
  readonly ifFrozen: 'wait' | 'leave-out' | 'owe';
  /** whether the certificate is in it: it is refused where authors of the certificate have new keys since */
  readonly certified: boolean;
  /** how long it is owed at most, in days; null: as long as the order needs it */
  readonly owedForDays: number | null;
  /** how far a fiduciary is that has answered it; null: the answer moves it no further */
  readonly reached: { readonly state: string; readonly alone?: string } | null;
}

const acknowledged: Answers = { says: ['acknowledged'], attachments: 'none', envelopes: false };

/** What most verbs have in common: the principal's, of a setup, and its step waits. */
const usual = {
  from: ['principal'],
  attachments: 'none',
  begins: false,
  part: 'setup',
  awaited: true,
  after: null,
  ifFrozen: 'wait',
  certified: false,
  owedForDays: null,
  reached: null,
} as const;

/**
 * The verbs of an order (docs/protocol.md §6, "Verbs and replies"), in the order in which a fiduciary answers them. Each is
 * sent once for an order (a release and what follows it: once for a Redemption; commit and affirm again where keys have
 * changed meanwhile). Inbox, outbox, driver, sweeper, views and their SQL read this table: a new verb is one row here and
 * one pure step (docs/architecture.md, "Adding a verb").
 */
export const messages = {
  enrol: {
    ...usual,
    to: ['beneficiary'],
    says: 'request',
    answers: { says: ['enrolment'], attachments: 'none', envelopes: false },
    begins: true,
  },
  accept: {
    ...usual,
    to: ['fiduciary'],
    says: 'request',
    answers: {
      says: ['acceptance'],
      alone: ['deal', 'confirmation'],
      attachments: 'one-a-member',
      envelopes: false,
    },
    begins: true,
    reached: { state: 'accepted', alone: 'confirmed' },
  },
  deal: {
    ...usual,
    to: ['fiduciary'],
    says: 'forward',
    answers: { says: ['deal'], attachments: 'one-a-member', envelopes: false },
    attachments: 'one-a-member',
    reached: { state: 'dealt' },
  },
  confirm: {
    ...usual,
    to: ['fiduciary'],
    says: 'manifest',
    answers: { says: ['confirmation'], attachments: 'none', envelopes: false },
    attachments: 'one-a-member',
    reached: { state: 'confirmed' },
  },
  manifest: {
    ...usual,
    to: ['beneficiary'],
    says: 'manifest',
    answers: acknowledged,
    awaited: false,
  },
  commit: {
    ...usual,
    to: ['fiduciary', 'beneficiary'],
    says: 'commitment',
    answers: acknowledged,
    part: 'any',
    awaited: false,
    ifFrozen: 'owe',
    certified: true,
    reached: { state: 'committed' },
  },
  release: {
    ...usual,
    to: ['fiduciary'],
    says: 'redemption',
    answers: { says: ['released'], attachments: 'none', envelopes: true },
    part: 'redemption',
    ifFrozen: 'leave-out',
    certified: true,
    reached: { state: 'released' },
  },
  redeem: {
    ...usual,
    to: ['beneficiary'],
    says: 'redemption',
    answers: { says: ['receipt'], attachments: 'none', envelopes: false },
    part: 'redemption',
    after: 'release',
    certified: true,
  },
  receipt: {
    ...usual,
    to: ['fiduciary'],
    says: 'forward',
    answers: acknowledged,
    part: 'any',
    awaited: false,
    ifFrozen: 'leave-out',
    owedForDays: 7,
  },
  affirm: {
    ...usual,
    to: ['fiduciary', 'beneficiary'],
    says: 'forward',
    answers: { says: ['affirmation'], attachments: 'none', envelopes: false },
    part: 'any',
    awaited: false,
    ifFrozen: 'leave-out',
  },
} as const satisfies Readonly<Record<string, Message>>;

/** A verb of an order. */
export type Verb = keyof typeof messages;

/** The verbs that a role serves. */
export type VerbTo<R extends Role> = { [V in Verb]: R extends (typeof messages)[V]['to'][number] ? V : never }[Verb];

/** The verbs that a role may send. */
export type VerbFrom<R extends Role> = {
  [V in Verb]: R extends (typeof messages)[V]['from'][number] ? V : never;
}[Verb];

/** The verbs by which a recipient may first hear of an order. */
export type BeginningVerb = { [V in Verb]: (typeof messages)[V]['begins'] extends true ? V : never }[Verb];

/** The row of a verb, as of any other. */
export function messageOf(verb: Verb): Message {
  return messages[verb];
}

/** All verbs whose row is such a one, in the table's order; all, where nothing is asked. */
export function verbsWhere(fits: (message: Message) => boolean = () => true): Verb[] {
  return (Object.keys(messages) as Verb[]).filter((verb) => fits(messageOf(verb))); // its keys are these
}

/** The verb of that name, or undefined: a row of a database may have any. */
export function findVerb(name: string): Verb | undefined {
  return verbsWhere().find((verb) => verb === name);
}

/** What a fiduciary or a beneficiary is asked next to set an order up, by the state of its order: undefined where nothing. */
export function nextVerb(state: string): Verb | undefined {
  return nextVerbs.get(state);
}

/** By the transition tables: what moves an order to another state and is a verb, which by then has begun. */
const nextVerbs: ReadonlyMap<string, Verb> = new Map(
  [fiduciaryTransitions, beneficiaryTransitions].flatMap((table) =>
    Object.entries(table).flatMap(([state, events]) =>
      Object.entries(events).flatMap(([event, to]): [string, Verb][] => {
        const verb = findVerb(event);
        return verb === undefined || messageOf(verb).begins || to === state ? [] : [[state, verb]];
      }),
    ),
  ),
);

/** States of a fiduciary's or a beneficiary's order in which it is asked for something next. */
export const statesWithNextVerb: readonly string[] = [...nextVerbs.keys()];
