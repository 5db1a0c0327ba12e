import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { DtaError } from '@dta/errors';
import { openNode, type InternalInbox, type Node } from '@dta/node';
import { cast, codeOf, RoleRig } from '@dta/node/testing';
import { Evidence, placeOrder, signRequest, type Request } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import type { PrincipalOptions } from '../src/config.js';
import { PlaceOrder } from '../src/calls/place-order.js';
import type { Idempotency } from '../src/idempotency.js';
import { writeStep } from '../src/open-order.js';
import type { OrderDriver } from '../src/order-driver.js';
import { OrderRepository } from '../src/order.repository.js';
import { HELD } from '../src/plugin-answers.js';
import { asked } from './asked.js';

// A principal whose process sleeps: over the end of a key period, another replica destroys the key that it has sealed under.

let rig: RoleRig;
let node: Node;
let request: Request;
let slept: number;

beforeEach(async () => {
  slept = 0;
  rig = await RoleRig.open();
  const { p, b, f1 } = await cast();
  const options = await rig.prepare(p, 'principal', [b.identity, f1.identity]);
  node = await openNode(
    options,
    rig.parts(() => Date.now() + slept),
  );
  const terms = { plugin: 'milagro', fiduciaries: [f1.identity.cid], beneficiary: b.identity.cid };
  request = await signRequest(terms, p, node.admission.directory, Date.now());
});

afterEach(async () => {
  jest.restoreAllMocks();
  await node.close();
  await rig.close();
});

async function place(): Promise<Uint8Array> {
  const { directory } = node.admission;
  const stored = new Set<never>();
  const evidence = Evidence.read(request.cid, [request.bytes], { directory, stored, now: Date.now() });
  const held = Uint8Array.of(1, 2, 3);
  const secrets = [{ name: { ...HELD, request: request.cid }, value: held }];
  await writeStep(node, new OrderRepository(node), null, placeOrder(request), evidence, { secrets });
  return held;
}

test('what a plugin holds back is wiped where the order is refused before it is sealed', async () => {
  const held = Uint8Array.of(1, 2, 3);
  jest.spyOn(node.plugins, 'placeOrder').mockResolvedValue({ request: {}, held });
  jest.spyOn(node.clock, 'confirm').mockRejectedValue(new DtaError('clock_skewed', 'the clocks differ'));
  const [{ fiduciaries, beneficiary }, not] = [request.body, undefined as never]; // what isn't reached
  const inbox = { answer: (...[, , , run]: Parameters<InternalInbox['answer']>) => run(asked() as never) };
  const call = new PlaceOrder(
    ...([node, { fiduciarySet: fiduciaries, beneficiary } as unknown as PrincipalOptions] as const),
    ...([new OrderRepository(node), { assertTurn: () => undefined } as unknown as OrderDriver] as const),
    ...([not, not, { row: () => null } as unknown as Idempotency, not] as const),
    inbox as unknown as InternalInbox,
  );
  const context = { subject: '' } as MessageContext;
  expect(await codeOf(call.handle({ payload: new Uint8Array() } as TransportMessage, context))).toBe('clock_skewed');
  expect(held).toEqual(new Uint8Array(3));
});

const rows = () => node.database.query('SELECT what FROM secrets WHERE order_ref = $1', [request.cid]);

test('what a plugin holds back is stored with its order, and wiped', async () => {
  expect(await place()).toEqual(new Uint8Array(3));
  expect(await rows()).toEqual([{ what: 'plugin-held' }]);
});

test('nothing is written more than a minute after it was sealed', async () => {
  const seal = node.secrets.seal.bind(node.secrets);
  jest.spyOn(node.secrets, 'seal').mockImplementation(async (secret) => {
    const sealed = await seal(secret);
    slept = 60_001;
    return sealed;
  });
  expect(await codeOf(place())).toBe('write_conflict');
  expect(await rows()).toEqual([]);
  expect(await node.database.query('SELECT FROM orders')).toEqual([]);
});
