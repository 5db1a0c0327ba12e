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
import type { OrderView } from '../src/order-view.js';
import type { OrderWait } from '../src/order-wait.js';
import { OrderRepository } from '../src/order.repository.js';
import { HELD } from '../src/plugin-answers.js';
import type { RepeatedAnswer } from '../src/repeated-answer.js';
import { asked } from './asked.js';

// A principal whose process sleeps: over the end of a key period, another replica destroys the key that it has sealed under.

/** What the code asks of a part before it gets where the test ends, and nothing else of it. */
const standIn = <T>(part: unknown): T => part as T; // the test's to know what is asked

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
  const { fiduciaries: fiduciarySet, beneficiary } = request.body;
  const call = new PlaceOrder(
    node,
    standIn<PrincipalOptions>({ fiduciarySet, beneficiary }),
    new OrderRepository(node),
    standIn<OrderDriver>({ assertTurn: () => undefined }),
    standIn<OrderView>(null),
    standIn<OrderWait>(null),
    standIn<Idempotency>({ row: () => null }),
    standIn<RepeatedAnswer>(null),
    standIn<InternalInbox>({
      answer: (...[, , , run]: Parameters<InternalInbox['answer']>) => run(standIn(asked())),
    }),
  );
  const message = standIn<TransportMessage>({ payload: new Uint8Array() });
  expect(await codeOf(call.handle(message, standIn<MessageContext>({ subject: '' })))).toBe('clock_skewed');
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
