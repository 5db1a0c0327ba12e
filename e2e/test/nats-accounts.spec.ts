import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  natsAccounts,
  startCluster,
  startNatsServer,
  type Cluster,
  type NatsAccounts,
  type NatsTenant,
  type Operator,
} from '@dta/testkit';
import { connect, type ConnectionOptions, type NatsConnection } from 'nats';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordNats, type NatsRecorder } from '../src/nats-recorder.js';
import { expected, isPrivateKeyOf, place } from '../src/orders.js';

// deploy/nats/nats.conf, as two operators would use it: alpha with a principal and a fiduciary, beta with a fiduciary and the
// beneficiary; and gamma, which has an account at the same server and no business with either.
jest.setTimeout(300_000);

const SAMPLE = join(import.meta.dirname, '../../../deploy/nats/nats.conf');
const PLACES = [
  { name: 'alpha', nodes: ['ALPHA-PRINCIPAL', 'ALPHA-FIDUCIARY'] },
  { name: 'beta', nodes: ['BETA-BENEFICIARY', 'BETA-FIDUCIARY'] },
] as const;
const PASSWORDS = ['ALPHA-PASSWORD', 'BETA-PASSWORD'];

let sample: string;
let cluster: Cluster | undefined;
let alpha: Operator;
let beta: Operator;

beforeAll(async () => {
  sample = await readFile(SAMPLE, 'utf8');
  cluster = await startCluster({
    operators: [
      { name: 'alpha', beneficiary: false, fiduciaries: 1 },
      { name: 'beta', principal: false, fiduciaries: 1 },
    ],
    natsAccounts: fillSample,
  });
  alpha = cluster.operator('alpha');
  beta = cluster.operator('beta');
});

afterAll(() => cluster?.stop());

/** The sample with these operators' nodes in the places of its own, and gamma's account beside theirs. */
function fillSample(tenants: readonly NatsTenant[]): NatsAccounts {
  let config = sample.replace(/^listen: .*$/m, ''); // on a free port
  PLACES.forEach(({ nodes }, at) => {
    nodes.forEach((place, node) => {
      config = config.replaceAll(place, tenants[at]?.nodes[node] ?? 'none');
    });
  });
  const gamma = '  "gamma" { users: [{ user: "gamma", password: "GAMMA-PASSWORD" }] }\n}';
  return {
    config: config.replace(/\}\s*$/, gamma),
    logins: PLACES.map(({ name }, at) => ({ user: name, password: PASSWORDS[at] })),
  };
}

function login(name: 'alpha' | 'beta' | 'gamma'): ConnectionOptions {
  return { servers: alpha.nats.url, user: name, pass: `${name.toUpperCase()}-PASSWORD` };
}

async function as<T>(name: 'alpha' | 'beta' | 'gamma', use: (connection: NatsConnection) => Promise<T>): Promise<T> {
  const connection = await connect(login(name));
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** How a request of that account's fares: `answered`, or NATS' own code (503: nobody serves the subject there). */
const requestAs = (name: 'alpha' | 'beta' | 'gamma', subject: string) =>
  as(name, (connection) =>
    connection.request(subject, new Uint8Array([1]), { timeout: 5_000 }).then(
      () => 'answered',
      (error: unknown) => String((error as { code?: unknown }).code), // of the library's NatsError
    ),
  );

async function orderBetweenThem(): Promise<{ secret: string; commitment: string }> {
  const order = await place(alpha.api(), {
    beneficiaryIDDocumentCID: beta.member('beneficiary').idDocumentCID,
    fiduciaries: [alpha, beta].map((operator) => operator.member('fiduciary-1').idDocumentCID),
    threshold: 2,
  });
  expected(200, await alpha.api().post('/v1/order/secret', { orderReference: order.orderReference, wait: 30 }));
  const there = expected(200, await beta.api().get(`/v1/order/${order.orderReference}/secret`));
  return { secret: String(there.secret), commitment: order.commitment };
}

test('the sample is what the clusters of the other tests have, for two operators', () => {
  const { config } = natsAccounts(PLACES, PASSWORDS);
  expect(sample.slice(sample.indexOf('accounts {')).trim()).toBe(config);
});

test('a message may have 2 MiB', async () => {
  expect(await as('gamma', async ({ info }) => info?.max_payload)).toBe(2 * 1024 * 1024);
});

test('an order whose parties are at two operators is committed and redeemed', async () => {
  const { secret, commitment } = await orderBetweenThem();
  expect(isPrivateKeyOf(secret, commitment)).toBe(true);
});

describe('dta.internal.> is closed', () => {
  const internal = () => `dta.internal.${alpha.member('principal').idDocumentCID}.principal.status`;

  test('to publishing: alone in its own account a call is answered', async () => {
    expect(await requestAs('alpha', internal())).toBe('answered'); // with an error, as it isn't sealed
    expect(await requestAs('beta', internal())).toBe('503');
    expect(await requestAs('gamma', internal())).toBe('503');
    const back = `dta.internal.${beta.member('beneficiary').idDocumentCID}.beneficiary.status`;
    expect(await requestAs('beta', back)).toBe('answered');
    expect(await requestAs('alpha', back)).toBe('503');
  });

  test('to listening, and so is what nodes of another operator say to one another', async () => {
    const recorders: Record<string, NatsRecorder> = {};
    for (const name of ['alpha', 'beta', 'gamma'] as const) {
      const { servers, user, pass } = login(name);
      recorders[name] = await recordNats([{ url: String(servers), user: String(user), password: String(pass) }]);
    }
    try {
      await orderBetweenThem();
      expected(200, await alpha.api().get('/v1/status'));
      const heard = (name: string) => new Set((recorders[name]?.messages ?? []).map(({ subject }) => subject));
      const nodesOf = ({ members }: Operator) => members.map(({ idDocumentCID }) => idDocumentCID);
      const named = (subjects: Iterable<string>, space: string, nodes: readonly string[]) =>
        [...subjects].filter((subject) => nodes.some((node) => subject.startsWith(`dta.${space}.${node}.`)));

      // who listens in its own account hears its own, else this test could not fail
      expect(named(heard('alpha'), 'internal', nodesOf(alpha)).length).toBeGreaterThan(2);
      expect(named(heard('alpha'), 'v1', [alpha.member('fiduciary-1').idDocumentCID]).length).toBeGreaterThan(3);
      expect(named(heard('beta'), 'v1', nodesOf(beta)).length).toBeGreaterThan(5);

      expect(named(heard('beta'), 'internal', nodesOf(alpha))).toEqual([]);
      expect(named(heard('beta'), 'v1', nodesOf(alpha))).toEqual([]);
      expect(named(heard('alpha'), 'internal', nodesOf(beta))).toEqual([]);
      expect([...heard('gamma')]).toEqual([]);
    } finally {
      for (const recorder of Object.values(recorders)) await recorder.stop();
    }
  });
});

describe('dta.v1.<node>.>', () => {
  const accept = () => `dta.v1.${alpha.member('fiduciary-1').idDocumentCID}.fiduciary.accept`;

  test('is reached from an account that imports it, and from no other', async () => {
    expect(await requestAs('beta', accept())).toBe('answered'); // with an error, as it is no bundle
    expect(await requestAs('gamma', accept())).toBe('503');
  });

  test('is not taken over by another account that serves the same subject', async () => {
    for (const name of ['beta', 'gamma'] as const) {
      await as(name, async (connection) => {
        const taken: string[] = [];
        connection.subscribe('dta.v1.>', { callback: (_, { subject }) => taken.push(subject) });
        connection.subscribe(accept(), { queue: 'fiduciary', callback: (_, { subject }) => taken.push(subject) });
        await connection.flush();
        for (let asked = 0; asked < 5; asked += 1) expect(await requestAs('alpha', accept())).toBe('answered');
        await connection.flush();
        expect(taken).toEqual([]);
      });
    }
  });

  test('can not be imported by an account that its exports do not name', async () => {
    const node = alpha.member('fiduciary-1').idDocumentCID;
    const { config } = fillSample(
      [alpha, beta].map(({ name, members }) => ({ name, nodes: members.map((m) => m.idDocumentCID) })),
    );
    const greedy = config.replace(
      '"gamma" {',
      `"gamma" { imports: [{ service: { account: "alpha", subject: "dta.v1.${node}.>" } }],`,
    );
    expect(greedy).not.toBe(config);
    await expect(startNatsServer({ config: greedy })).rejects.toThrow(/not authorized|authoriz/i);
  });
});
