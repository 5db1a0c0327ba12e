import { DtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { messageOf, verbsWhere, type BeginningVerb, type Outcome, type Verb, type VerbTo } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller, type Type } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import type { Inbox, PeerMessage, PeerStep, StepTools } from './inbox.js';

/** One step of this role, on an order that it knows. */
export type NextStep<O> = (order: O, message: PeerMessage, tools: StepTools) => Promise<Outcome<O>>;

/** One step for each verb that the table `messages` gives a role: one too many or too few doesn't compile. */
export type Steps<R extends Role, O> = {
  readonly [V in VerbTo<R>]: V extends BeginningVerb ? PeerStep<O> : NextStep<O>;
};

/**
 * A Nest controller that serves a role's verbs: for each, `peer.<verb>` is answered by the inbox with that step. An order
 * that the verb doesn't begin has to be known, else it is `order_not_found`.
 */
export function serveVerbs<R extends Role, O extends { readonly state: string }>(
  role: R,
  inbox: Inbox<O>,
  steps: Steps<R, O>,
): Type {
  class Verbs {}
  for (const verb of verbsWhere(({ to }) => to.includes(role))) {
    const step = stepOf(verb, steps);
    const handle = ({ payload }: TransportMessage) => inbox.answer(verb, payload, step);
    const method: PropertyDescriptor = { value: handle, enumerable: false, configurable: true, writable: true };
    Object.defineProperty(Verbs.prototype, verb, method);
    MessagePattern(`peer.${verb}`)(Verbs.prototype, verb, method);
  }
  Controller()(Verbs);
  return Verbs;
}

function stepOf<R extends Role, O>(verb: Verb, steps: Steps<R, O>): PeerStep<O> {
  const step = (steps as Readonly<Record<string, PeerStep<O> & NextStep<O>>>)[verb]; // the table's verbs for a role are its keys
  if (step === undefined) throw new TypeError(`no step for ${verb}`);
  if (messageOf(verb).begins) return step;
  return async (order, message, tools) => {
    if (order === undefined) throw new DtaError('order_not_found', 'this node does not know the order');
    return step(order, message, tools);
  };
}
