import { cidOf, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import {
  begin,
  commit,
  deliveriesOf,
  envelopeBytes,
  sealOrderEnvelope,
  type Change,
  type Delivery,
  type DeliveryAnswer,
  type NewDelivery,
  type Node,
  type PluginAnswer,
} from '@dta/node';
import {
  Evidence,
  findVerb,
  isEnded,
  messageOf,
  type Addressee,
  type Answer,
  type NewSecret,
  type OrderStatement,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
  type SecretKind,
} from '@dta/order';
import type { OrderRepository } from './order.repository.js';

/** A delivery as the driver holds it. */
export interface OpenDelivery {
  readonly envelope: Cid;
  readonly verb: PrincipalVerb;
  readonly party: Cid;
  readonly role: Delivery['role'];
  readonly attachments: readonly Uint8Array[];
  readonly orderRef: Cid;
  /** from when it may be sent, by performance.now() */
  dueAt: number;
  lastError: string | null;
  answered: { readonly envelopes: readonly Uint8Array[] } | null;
}

/**
 * An order with all that driving it takes, held by one process between two writes. Writes are guarded by the version, so
 * an order that another replica moved is read again, never overwritten.
 */
export interface OpenOrder {
  readonly order: PrincipalOrder;
  /** of the row; null before it is first written */
  readonly version: number | null;
  readonly evidence: Evidence;
  readonly answers: readonly Answer[];
  readonly deliveries: readonly OpenDelivery[];
  readonly envelopes: ReadonlyMap<Cid, Uint8Array>;
  /** Unix ms of the last write, or of the reading */
  readonly writtenAt: number;
}

/** Reads an order that is stored, statements verified again. @throws `order_not_found`, `record_invalid` */
export async function readOrder(node: Node, orders: OrderRepository, ref: Cid): Promise<OpenOrder> {
  const found = await orders.find(ref);
  if (found === undefined)
    throw new DtaError('order_not_found', 'no order of that reference', { metadata: { orderReference: ref } });
  const statements = await orders.statements(ref);
  const stored = new Set(statements.map(cidOf));
  const evidence = Evidence.read(ref, statements, {
    directory: node.admission.directory,
    stored,
    now: node.now(),
    verified: node.verified,
  });
  const rows = await deliveriesOf(node.database, ref);
  const live = rows.filter(({ state, answer }) => state === 'owed' || answer !== null);
  const byCid = new Map(evidence.statements.map((statement) => [statement.cid, statement]));
  const envelopes = new Map<Cid, Uint8Array>();
  const toSend = live.filter(({ state }) => state === 'owed'); // the bytes of others may have left their rows
  for (const cid of new Set(toSend.map(({ envelope }) => envelope)))
    envelopes.set(cid, await envelopeBytes(node.database, cid));
  return {
    ...found,
    evidence,
    answers: live.flatMap((delivery): Answer[] =>
      delivery.answer === null ? [] : [answerOf(delivery, delivery.answer, byCid)],
    ),
    deliveries: live.map((delivery) => ({
      ...delivery,
      verb: verbOf(delivery.verb),
      dueAt: performance.now() + (delivery.lastError === null ? 0 : delivery.dueInMs),
      answered: delivery.answer,
    })),
    envelopes,
    writtenAt: node.now(),
  };
}

function answerOf(
  { party, verb }: Delivery,
  answer: NonNullable<Delivery['answer']>,
  byCid: ReadonlyMap<Cid, OrderStatement>,
): Answer {
  const statements = answer.statements.flatMap((cid) => byCid.get(cid) ?? []);
  return { party, verb: verbOf(verb), statements, attachments: answer.attachments };
}

function verbOf(verb: string): PrincipalVerb {
  const known = findVerb(verb);
  if (known === undefined) throw new DtaError('internal', 'a delivery of an unknown verb');
  return known;
}

/** What is written with a step; nothing where it isn't said. */
export interface StepBasis {
  /** answers that are not written yet */
  readonly answers?: readonly (DeliveryAnswer & { readonly verb: PrincipalVerb })[];
  readonly lease?: Change['lease'];
  readonly idempotency?: Change['idempotency'];
  /** what the order's plugin holds back, to seal and wipe */
  readonly secrets?: readonly NewSecret[];
  readonly pluginAnswer?: PluginAnswer;
  readonly erase?: readonly SecretKind[];
}

/**
 * Whether a step goes on without this addressee, to which nothing can be sealed now: the certificate comes with each
 * Redemption too, and t members are enough for one.
 */
function isLeftOut({ admission, log }: Node, orderReference: Cid, { party, verb }: Addressee): boolean {
  if (messageOf(verb).ifFrozen === 'wait' || admission.directory.standingOf(party) !== 'frozen') return false;
  log.info({ orderReference, party, verb }, 'a frozen party is left out');
  return true;
}

/** What a step closes. What is owed to a frozen party stays so where nothing was sealed that could take its place. */
function closing({ closes = [] }: PrincipalStep, isOwedKept: boolean): readonly PrincipalVerb[] | 'all' {
  return isOwedKept && closes !== 'all' ? closes.filter((verb) => messageOf(verb).ifFrozen !== 'owe') : closes;
}

/**
 * Seals what a step sends and writes the step: row, statements, envelopes, deliveries, in one transaction. Nothing is
 * sent before.
 *
 * @throws `write_conflict` where another replica moved the order; `identity_frozen` where a party is frozen that it needs
 */
export async function writeStep(
  node: Node,
  orders: OrderRepository,
  before: OpenOrder | null,
  step: PrincipalStep,
  evidence: Evidence,
  { answers = [], lease = null, idempotency = null, secrets = [], pluginAnswer, erase = [] }: StepBasis = {},
): Promise<OpenOrder> {
  const begun = begin(node.now());
  const sealedSecrets = await Promise.all(secrets.map((secret) => node.secrets.seal(secret)));
  const leftOut = new Set(
    step.outgoing.flatMap(({ addressees }) => addressees.filter((one) => isLeftOut(node, step.order.ref, one))),
  );
  const outgoing = step.outgoing.map(({ statements, addressees }) => {
    return { statements, addressees: addressees.filter((addressee) => !leftOut.has(addressee)) };
  });
  const sealed = await Promise.all(
    outgoing
      .filter(({ addressees }) => addressees.length > 0)
      .map(async ({ statements, addressees }) => {
        const recipients = addressees.map(({ party, role }) => {
          const { cid, keys } = node.admission.newestOf(party);
          return { id: cid, role, kem: keys.kem };
        });
        const envelope = await sealOrderEnvelope(
          node.ring,
          node.role,
          step.order.ref,
          statements,
          recipients,
          [],
          node.now(),
        );
        return { envelope, addressees };
      }),
  );
  // what the table says is owed to a frozen party all the same: the row lies with another envelope until it can be sealed to it
  const owedLater = [...leftOut].filter(({ verb }) => messageOf(verb).ifFrozen === 'owe');
  const [place] = sealed;
  const fresh = [
    ...sealed,
    ...(place === undefined ? [] : [{ envelope: place.envelope, addressees: owedLater }]),
  ].flatMap(({ envelope, addressees }) =>
    addressees.map((addressee): NewDelivery & { verb: PrincipalVerb } => ({
      ...addressee,
      envelope: envelope.cid,
      lastError: leftOut.has(addressee) ? 'identity_frozen' : null,
    })),
  );
  const version = before?.version ?? null;
  const closes = closing(step, place === undefined && owedLater.length > 0);
  const now = node.now();
  await commit(node.database, {
    order: orders.row(step.order, version),
    statements: step.keep,
    secrets: sealedSecrets,
    erase: isEnded(step.order.state) ? 'all' : erase,
    pluginAnswer,
    envelopes: sealed.map(({ envelope }) => envelope),
    deliveries: fresh,
    close: closes,
    reply: null,
    settled: step.settled,
    events: before?.order.state === step.order.state ? [] : [step.order.state],
    answers: step.settled !== null ? answers.map((answer) => ({ ...answer, attachments: [], envelopes: [] })) : answers,
    lease,
    notify: true,
    idempotency,
    begun,
    now,
  });
  if (before?.order.state !== step.order.state)
    node.log.info({ orderReference: step.order.ref, state: step.order.state }, 'the order moved');
  const closed = (verb: PrincipalVerb) => closes === 'all' || closes.includes(verb);
  // a step that leaves the order where it is takes nothing from what was answered: a redemption may be under way
  const stays = before?.order.state === step.order.state && step.settled === null;
  const kept = before?.deliveries.filter(({ answered, verb }) => (answered === null ? !closed(verb) : stays)) ?? [];
  const deliveries = [
    ...kept,
    ...fresh.map((delivery) => ({
      ...delivery,
      orderRef: step.order.ref,
      dueAt: performance.now(),
      lastError: delivery.lastError ?? null,
      answered: null,
    })),
  ];
  return {
    order: step.order,
    version: version === null ? 1 : version + 1,
    evidence: evidence.with(...step.keep),
    answers: stays ? [...before.answers, ...answers] : [],
    deliveries,
    envelopes: new Map([
      ...(before?.envelopes ?? []),
      ...sealed.map(({ envelope }) => [envelope.cid, envelope.bytes] as const),
    ]),
    writtenAt: now,
  };
}
