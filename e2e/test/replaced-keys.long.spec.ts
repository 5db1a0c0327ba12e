// budget: 300 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { dta, restApi, startCluster, type AppProcess, type Cluster, type Operator } from '@dta/testkit';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../src/new-keys.js';
import { isPrivateKeyOf, redeem, until } from '../src/orders.js';

// The key that a gateway shares with each role, and the token that callers show, are replaced while orders are placed: by
// files and by restarts, one process after the other, as docs/operations.md says.
jest.setTimeout(300_000);

let cluster: Cluster | undefined;
let operator: Operator;
/** what callers show now */
let token: string;

beforeAll(async () => {
  cluster = await startCluster({
    operators: [
      {
        ...{ name: 'first', fiduciaries: 1 },
        replicas: { gateway: 2, principal: 2, beneficiary: 2, fiduciary: 2 },
      },
    ],
  });
  operator = cluster.operator('first');
  ({ token } = operator.token);
});

afterAll(() => cluster?.stop());

const file = (path: string | undefined) => {
  if (path === undefined) throw new Error('no such file');
  return path;
};

/** Each key in the files that its role and its gateway read: the same text in both. */
async function write(keys: (old: string, next: string) => string, next: ReadonlyMap<string, string>): Promise<void> {
  const texts = new Map(
    operator.members.map(({ name, internalKey }) => [name, keys(internalKey, next.get(name) ?? '')] as const),
  );
  for (const { name, settings } of operator.members)
    await writeFile(file(settings['INTERNAL_KEY_FILE']), texts.get(name) ?? '');
  const fiduciaries = operator.members.filter(({ role }) => role === 'fiduciary');
  await writeFile(join(operator.folder, 'fiduciary-keys'), fiduciaries.map(({ name }) => texts.get(name)).join('\n'));
}

/** Restarts the first process of each, then the second: those restarted and those not speak with each other meanwhile. */
async function roll(): Promise<void> {
  const all: (readonly AppProcess[])[] = [...operator.members.map(({ processes }) => processes), operator.gateways];
  for (const at of [0, 1]) await Promise.all(all.flatMap((processes) => processes[at]?.restart() ?? []));
}

interface Load {
  readonly placed: string[];
  readonly refused: string[];
  stop(): Promise<void>;
}

/** Places orders by either gateway, as a balancer before them does: by the other where one takes no connection. */
function placeOrders(): Load {
  const [placed, refused]: [string[], string[]] = [[], []];
  let stopped = false;
  const client = async (first: number) => {
    for (let at = first; !stopped; at += 1) {
      const api = restApi(operator.api(at % 2).url, token);
      const answer = await api.post('/v1/order', { wait: 30 }).catch(() => undefined); // it is being restarted
      if (answer === undefined) await delay(20);
      else if (answer.status === 200 || answer.status === 202) placed.push(String(answer.body?.['orderReference']));
      else refused.push(`${answer.status} ${String(answer.body?.['code'])}: ${String(answer.body?.['detail'])}`);
    }
  };
  const clients = [0, 1].map(client);
  return {
    placed,
    refused,
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
    },
  };
}

test('internal keys and tokens are replaced under load: no order is lost, and nothing is refused but as busy', async () => {
  const next = new Map(operator.members.map(({ name }) => [name, randomBytes(32).toString('hex')]));
  const { token: oldToken, hash: oldHash, hashFile } = operator.token;
  const nextToken = randomBytes(24).toString('base64url');
  const nextHash = createHash('sha256').update(nextToken).digest('hex');
  const load = placeOrders();
  /** Until so many more orders are placed. */
  const more = async (count: number) => {
    const wanted = load.placed.length + count;
    const limit = Date.now() + 60_000;
    while (load.placed.length < wanted && Date.now() < limit) await delay(20);
    expect(load.placed.length).toBeGreaterThanOrEqual(wanted);
  };
  await more(2);

  await write((old, fresh) => `${old}:${fresh}`, next);
  await roll();
  await more(2);
  await write((old, fresh) => `${fresh}:${old}`, next);
  await roll();
  await more(2);
  await write((_, fresh) => fresh, next);
  await writeFile(hashFile, `${nextHash}:${oldHash}`);
  await roll();
  token = nextToken; // now that no call is sealed by the old key
  await more(2);
  await writeFile(hashFile, nextHash);
  await roll();
  await more(2);
  await load.stop();

  expect(load.refused.filter((refusal) => !refusal.startsWith('503 busy'))).toEqual([]);
  const api = restApi(operator.api().url, nextToken);
  for (const orderReference of load.placed) {
    const { commitment } = await until(api, orderReference, ({ state }) => state === 'committed');
    expect(isPrivateKeyOf(await redeem(api, orderReference), String(commitment))).toBe(true);
  }
  expect((await restApi(operator.api().url, oldToken).get('/v1/status')).status).toBe(401);
});

test('a document that is put into the folder of admitted identities is admitted without a restart', async () => {
  const folder = join(operator.folder, 'guest');
  const [document, keyFile, custody] = ['identity', 'key', 'custody'].map((name) => `${folder}-${name}`);
  const cid = await dta([
    ...['identity', 'create', '--name', 'guest', '--role', 'fiduciary', '--key-file', file(keyFile)],
    ...['--document', file(document), '--custody-software', file(custody)],
  ]);
  await copyFile(file(document), join(operator.folder, 'admitted', 'guest'));
  await eventually(async () => {
    const { body } = await restApi(operator.api().url, token).get('/v1/identity');
    return JSON.stringify(body).includes(cid);
  });
});
