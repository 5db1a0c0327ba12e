import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { type Cluster, type Member, type Operator, type RestApi } from '@dta/testkit';
import { query } from '../src/databases.js';
import { eventually, knows, rotate } from '../src/new-keys.js';
import { begin, detail, isPrivateKeyOf, redeem, until } from '../src/orders.js';
import { startTwoOperators } from '../src/two-operators.js';

// A beneficiary that is away while its order is committed comes back after the keys of everyone have changed.
jest.setTimeout(400_000);

let cluster: Cluster | undefined;
let operator: Operator;
let second: Operator;
let api: RestApi;

const member = (name: string) => operator.member(name);
const fiduciaries = () => [member('fiduciary-1'), member('fiduciary-2'), second.member('fiduciary-1')];

beforeAll(async () => {
  ({ cluster, first: operator, second } = await startTwoOperators());
  api = operator.api();
});

afterAll(() => cluster?.stop());

const stop = async ({ processes }: Member) => {
  for (const process of processes) await process.stop();
};
const restart = async ({ processes }: Member) => {
  for (const process of processes) await process.restart();
};

/** An order of all three that is committed while its beneficiary is away. */
async function commitWithoutBeneficiary(): Promise<string> {
  const last = second.member('fiduciary-1');
  await stop(last); // the order waits for it, and the beneficiary leaves meanwhile
  const ref = await begin(api, { fiduciaries: fiduciaries().map(({ idDocumentCID }) => idDocumentCID), threshold: 3 });
  await until(api, ref, ({ state }) => state === 'enrolled');
  await stop(member('beneficiary'));
  await restart(last);
  await until(api, ref, ({ state }) => state === 'committed', 60_000);
  return ref;
}

const affirmations = async (ref: string) => {
  const asked = "SELECT state FROM deliveries WHERE order_ref = $1 AND verb = 'affirm'";
  const rows = await query<{ state: string }>(member('principal'), asked, [ref]);
  return rows.map(({ state }) => state);
};

test('it takes the Commitment, which its authors affirm by their new keys, and the secret is redeemed', async () => {
  const ref = await commitWithoutBeneficiary();
  const others = [member('principal'), ...fiduciaries()];
  const newest: Cid[] = [];
  for (const who of others) {
    newest.push(await rotate(who));
  }
  for (const who of others) for (const cid of newest) await eventually(() => knows(who, cid));
  expect(await affirmations(ref)).toEqual([]); // nobody has refused anything yet
  await restart(member('beneficiary'));
  await until(api, ref, ({ waitingFor }) => waitingFor.length === 0, 240_000);
  expect(await affirmations(ref)).toEqual(Array(3).fill('answered'));
  const { commitment, fiduciaries: shown } = await detail(api, ref);
  expect(shown.map(({ state }) => state)).toEqual(Array(3).fill('committed'));
  expect(isPrivateKeyOf(await redeem(api, ref), commitment ?? '')).toBe(true);
});
