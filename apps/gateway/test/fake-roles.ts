import { cidOf, type Cid } from '@dta/codec';
import {
  internalCalls,
  internalSubject,
  queueGroup,
  verbOf,
  type InternalCall,
  type OrderProgress,
  type OrderView,
  type ResultOf,
  type Role,
} from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { serveCall, type ServedCall } from '@dta/internal-call';
import { createMemoryBroker, Gate, waiterGate, type Served, type Transport } from '@dta/transport';

export const cid = (name: string): Cid => cidOf(new TextEncoder().encode(name));

export const principal = { node: cid('principal'), psk: new Uint8Array(32).fill(1) };
export const beneficiary = { node: cid('beneficiary'), psk: new Uint8Array(32).fill(2) };
export const fiduciary = { node: cid('fiduciary'), psk: new Uint8Array(32).fill(3) };

export const orderReference = cid('order');
export const secret = new Uint8Array(32).fill(0xab);
export const commitment = Uint8Array.of(2, ...new Uint8Array(32).fill(0xcd));

/** What a fake role answers to a call; tests put others in its place. */
export type Answers = { -readonly [V in InternalCall]?: (call: ServedCall<V>, role: Role) => unknown };

export const order = (changes: Partial<OrderView> = {}): OrderView => ({
  orderReference,
  plugin: 'milagro',
  state: 'committed',
  commitment,
  createdAt: 1_700_000_000_999,
  setupBy: 1_700_000_900_000,
  keepUntil: null,
  beneficiary: beneficiary.node,
  beneficiaryIsOwn: true,
  threshold: 1,
  fiduciaries: [{ idDocumentCID: fiduciary.node, state: 'committed', lastError: null, detail: null }],
  waitingFor: [],
  failure: null,
  extension: {},
  pluginError: null,
  envelopes: [{ cid: cid('envelope'), published: false }],
  timeline: [{ at: 1_700_000_000_999, event: 'place' }],
  ...changes,
});

/** How far an order is, as who placed or redeems it is told. */
export const progress = (changes: Partial<OrderProgress> = {}): OrderProgress => ({
  ...{ orderReference, state: 'committed', commitment, createdAt: 1_700_000_000_999, beneficiary: beneficiary.node },
  ...{ beneficiaryIsOwn: true, waitingFor: [], failure: null, extension: {}, pluginError: null },
  ...changes,
});

const nodes = { principal, beneficiary, fiduciary };

const identityOf = (role: Role) => ({ idDocumentCID: nodes[role].node, name: role, roles: [role], own: true });

const usual: Answers = {
  'principal.place-order': () => progress(),
  'principal.await-order': () => progress(),
  'principal.await-events': () => ({ events: [{ id: 7, at: 1_700_000_000_999, event: 'committed' }], ended: true }),
  'principal.redeem-order': () => progress({ state: 'released' }),
  'principal.get-order': () => order(),
  'principal.list-orders': () => ({
    orders: [
      {
        ...{ orderReference, state: 'committed', commitment, createdAt: 1_700_000_000_999 },
        ...{ beneficiary: beneficiary.node, threshold: 1, fiduciaries: 1 },
      },
    ],
    unreadable: [],
    total: 1,
    next: null,
  }),
  'beneficiary.reveal-secret': () => ({ secret, commitment, orderReference, extension: {} }),
  status: (_, role) => ({
    ...{ nodeCID: nodes[role].node, role, name: role, extensionVendor: 'Milagro', plugin: 'milagro' },
    plugins: role === 'fiduciary' ? [] : [pluginOf('milagro'), pluginOf('other')],
    ...{ custody: 'software', custodyErases: false, ready: true, parts: { postgres: 'up' }, degraded: {} },
  }),
  'log-head': (_, role) => ({ role, nodeCID: nodes[role].node, head: { seq: 3, segment: cid(`head of ${role}`) } }),
  'list-identities': (_, role) => ({ identities: [identityOf(role)] }),
  'get-identity': ({ params }, role) => {
    if (params.idDocumentCID !== nodes[role].node) throw new DtaError('identity_not_found', 'never heard of it');
    return {
      ...identityOf(role),
      ...{ admitted: true, standing: 'sound', document: Uint8Array.of(1, 2, 3), prev: null },
      keys: { sign: new Uint8Array(32), kem: new Uint8Array(1216) },
    };
  },
  'admit-identity': () => ({ idDocumentCID: cid('admitted') }),
};

/** A plugin as a role describes it; its schemas say what they are of. */
export function pluginOf(name: string) {
  const schema = (of: string) => JSON.stringify({ type: 'object', description: `${of} of ${name}` });
  const [order, request, placed] = ['order', 'request', 'placed'].map(schema) as [string, string, string]; // three
  return {
    ...{ name, apiVersion: 1 },
    schemas: { order, request, placed, redemption: schema('redemption'), redeemed: schema('redeemed') },
  };
}

/** Fakes of all three roles, behind the real sealed calls. */
export interface FakeRoles {
  readonly transport: Transport;
  /** The connection that the roles are served on. */
  readonly side: Transport;
  /** Put another answer in the place of a usual one. */
  readonly answers: Answers;
  /** Roles that have as much work as they take. */
  readonly busy: Set<Role>;
  /** Every call that arrived, but for the gateway's own question whether the role is ready. */
  readonly seen: { readonly call: InternalCall; readonly role: Role; readonly served: ServedCall<InternalCall> }[];
  /** Errors that callers aren't told. */
  readonly errors: unknown[];
  reset(): void;
  /** From now on nobody serves the role. */
  leave(role: Role): Promise<void>;
  close(): Promise<void>;
}

/** Fakes on a memory broker. */
export function startFakeRoles(): Promise<FakeRoles> {
  const broker = createMemoryBroker();
  return serveFakeRoles(broker.connect(), broker.connect({ drainMs: 100 }));
}

/** Fakes that are served on `side` and called on `transport`. */
export async function serveFakeRoles(transport: Transport, side: Transport): Promise<FakeRoles> {
  const answers: Answers = {};
  const seen: FakeRoles['seen'] = [];
  const errors: unknown[] = [];
  const busy = new Set<Role>();
  const served = new Map<Role, Served[]>();
  const serve = async (role: Role, call: InternalCall) => {
    const { node, psk } = nodes[role];
    const subject = internalSubject(node, role, verbOf(call));
    const one = await side.serve(
      subject,
      { group: queueGroup(role), gate: call.includes('await') ? waiterGate() : new Gate() },
      async ({ payload }) => {
        if (busy.has(role)) throw new DtaError('busy', 'no place in work'); // as a gate does, outside any seal
        return serveCall(payload, {
          ...{ call, psks: [psk], subject, now: Date.now() },
          handler: async (opened) => {
            if (opened.requestId !== 'start') seen.push({ call, role, served: opened });
            const answer = (answers[call] ?? usual[call]) as (c: unknown, r: Role) => unknown; // the table pairs them
            return (await answer(opened, role)) as ResultOf<InternalCall>; // as above
          },
          onError: (error) => errors.push(error),
        });
      },
    );
    served.set(role, [...(served.get(role) ?? []), one]);
  };
  const calls = Object.keys(internalCalls) as InternalCall[]; // its own keys
  for (const role of ['principal', 'beneficiary', 'fiduciary'] as const) {
    for (const call of calls) {
      if (!call.includes('.') || call.startsWith(`${role}.`)) await serve(role, call);
    }
  }
  return {
    ...{ transport, side, answers, seen, errors, busy },
    reset: () => {
      busy.clear();
      for (const call of Object.keys(answers) as InternalCall[]) delete answers[call]; // its own keys
      seen.length = 0;
    },
    leave: async (role) => {
      await Promise.all((served.get(role) ?? []).map((one) => one.stop()));
    },
    close: async () => {
      await side.close();
      await transport.close();
    },
  };
}
