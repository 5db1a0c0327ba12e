import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startCluster, type AppProcess, type Cluster, type Operator } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { shutOut } from '../src/databases.js';
import { begin, place, redeem, until } from '../src/orders.js';

jest.setTimeout(300_000);

let cluster: Cluster;
let operator: Operator;

beforeAll(async () => {
  cluster = await startCluster({
    operators: [{ name: 'first', fiduciaries: 2, replicas: { gateway: 2, principal: 2 } }],
  });
  operator = cluster.operator('first');
});

afterAll(() => cluster.stop());

/** What a process shows at a path of its own port. */
async function shown(process: AppProcess, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${process.metricsUrl() ?? 'http://it.shows.nothing'}${path}`);
  return { status: response.status, text: await response.text() };
}

/** The sum of a metric's series that have these labels, over several processes. */
async function total(processes: readonly AppProcess[], name: string, labels: string[]): Promise<number> {
  let sum = 0;
  for (const process of processes) {
    const lines = (await shown(process, '/metrics')).text.split('\n').filter((line) => line.startsWith(`${name}{`));
    for (const line of lines) {
      if (labels.every((label) => line.includes(label))) sum += Number(line.split(' ').at(-1));
    }
  }
  return sum;
}

const processesOf = (...names: string[]) => names.flatMap((name) => operator.member(name).processes);

/** Lines of some processes' logs that a text stands in, as objects. */
function linesWith(processes: readonly AppProcess[], text: string): Record<string, unknown>[] {
  return processes
    .flatMap((process) => process.logs())
    .filter((line) => line.includes(text))
    .map((line) => JSON.parse(line) as Record<string, unknown>) // every line is one
    .sort((a, b) => String(a['time']).localeCompare(String(b['time']))); // ISO 8601, of several replicas
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 45_000; !(await holds()); await delay(100)) {
    if (Date.now() > limit) throw new Error('it did not come about');
  }
}

test('every process shows what it did, by words of its own', async () => {
  const { orderReference } = await place(operator.api());
  await redeem(operator.api(), orderReference);
  const count = 'dta_request_duration_seconds_count';
  const ok = 'code="ok"';
  for (const process of cluster.processes) {
    expect((await shown(process, '/health/live')).status).toBe(200);
    const { text } = await shown(process, '/metrics');
    expect(text).toMatch(/^dta_part_up\{part="process",role="\w+".*\} 1$/m);
    expect(text).toContain('dta_part_up{part="nats"');
    expect(text).toContain('process_cpu_seconds_total');
    expect(text).not.toContain(orderReference);
  }
  // A request that is sent again is answered again, so a count may pass one; that a step is taken once, the logs say below.
  expect(await total(processesOf('principal'), count, ['verb="place-order"', 'kind="internal"', ok])).toBeGreaterThan(
    0,
  );
  for (const name of ['fiduciary-1', 'fiduciary-2']) {
    for (const verb of ['accept', 'deal', 'confirm', 'commit', 'release']) {
      const answered = await total(processesOf(name), count, [`verb="${verb}"`, 'kind="peer"', ok]);
      expect([verb, answered > 0]).toEqual([verb, true]);
    }
  }
  const custody = 'dta_custody_operation_duration_seconds_count';
  expect(await total(processesOf('fiduciary-1'), custody, ['operation="seal"', ok])).toBeGreaterThan(0);
  const http = ['method="POST"', 'route="/v1/order"', 'status="200"', ok];
  expect(await total(operator.gateways, 'dta_http_request_duration_seconds_count', http)).toBe(1);
  const call = ['call="principal.place-order"', 'target="principal"', ok];
  expect(await total(operator.gateways, 'dta_internal_call_duration_seconds_count', call)).toBe(1);
  await eventually(async () => (await total(processesOf('principal'), 'dta_orders', ['state="released"'])) === 2); // both replicas
  for (const process of processesOf('principal')) {
    const text = async () => (await shown(process, '/metrics')).text;
    await eventually(async () => /^dta_orders_driven\{.*\} 0$/m.test(await text())); // once it is at its end
    expect(await text()).toMatch(/^dta_orders_queued\{.*\} 0$/m);
  }
});

test('one order is followed by its reference and its request through the logs of all who had a part in it', async () => {
  const [requestId, traceId] = ['follow-me-1', '0af7651916cd43dd8448eb211c80319c'];
  const headers = { 'x-request-id': requestId, traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  const { body } = await operator.api(1).post('/v1/order', { wait: 30 }, headers);
  const orderReference = String(body?.['orderReference']);
  const secret = await redeem(operator.api(), orderReference);

  const asked = { requestId, traceId, orderReference };
  await eventually(async () => linesWith(operator.gateways, requestId).length > 0); // written once the answer is gone
  expect(linesWith(operator.gateways, requestId)).toMatchObject([
    { ...asked, msg: 'request', method: 'POST', route: '/v1/order', status: 200, code: 'ok' },
  ]);
  expect(linesWith(processesOf('principal'), requestId)).toMatchObject([
    { ...asked, msg: 'call', call: 'principal.place-order', code: 'ok' },
  ]);
  const moves = () =>
    linesWith(processesOf('principal'), orderReference).filter(({ msg }) => msg === 'the order moved');
  await eventually(async () => moves().length === 6); // either replica may have written the last
  const moved = moves();
  expect(moved.map(({ state }) => state)).toEqual([
    ...['requested', 'enrolled', 'dealing', 'committed', 'releasing', 'released'],
  ]);
  await until(operator.api(), orderReference, ({ waitingFor }) => waitingFor.length === 0);
  const taken = (name: string) =>
    linesWith(processesOf(name), orderReference).flatMap(({ msg, verb }) => (msg === 'a step was taken' ? [verb] : []));
  for (const name of ['fiduciary-1', 'fiduciary-2']) {
    const steps = taken(name); // the Commitment may come after the Redemption
    expect(steps.filter((verb) => verb !== 'commit')).toEqual(['accept', 'deal', 'confirm', 'release', 'receipt']);
    expect(steps.indexOf('commit')).toBeGreaterThan(steps.indexOf('confirm'));
    expect(steps).toHaveLength(6);
  }
  expect(taken('beneficiary')).toEqual(expect.arrayContaining(['enrol', 'commit', 'redeem']));
  for (const process of cluster.processes) {
    expect(process.logs().some((line) => line.includes(secret) || line.includes(operator.token.token))).toBe(false);
  }
});

describe('readiness', () => {
  const ready = async (process: AppProcess) => {
    const { status, text } = await shown(process, '/health/ready');
    return { status, ...(JSON.parse(text) as { parts: Record<string, string> }) }; // the shape of a HealthReport
  };
  const gateway = async () => {
    const { response, data, error } = await operator.api().client.rest.GET('/health/ready');
    const report = data ?? (error !== undefined && 'parts' in error ? error : undefined);
    return { status: response.status, parts: report?.parts ?? {}, degraded: report?.degraded ?? {} };
  };

  test('names a database that is away, at the role and at the gateway, and comes back with it', async () => {
    const member = operator.member('beneficiary');
    const [process] = member.processes;
    if (process === undefined) throw new Error('there is a beneficiary');
    await eventually(async () => (await ready(process)).status === 200 && (await gateway()).status === 200);
    expect((await ready(process)).parts).toMatchObject({ postgres: 'up', custody: 'up', nats: 'up' });
    const letIn = await shutOut(member.databaseUrl, operator.member('fiduciary-1').databaseUrl);
    try {
      await eventually(async () => (await ready(process)).status === 503);
      expect((await ready(process)).parts).toMatchObject({
        ...{ process: 'up', custody: 'up', nats: 'up' },
        postgres: expect.stringMatching(/^away/),
      });
      await eventually(async () => /^not ready: postgres away/.test((await gateway()).degraded['beneficiary'] ?? ''));
      expect(await gateway()).toMatchObject({ status: 200, parts: { principal: 'up', nats: 'up' } });
      expect((await shown(process, '/health/live')).status).toBe(200);
    } finally {
      await letIn();
    }
    await eventually(
      async () => (await ready(process)).status === 200 && (await gateway()).parts['beneficiary'] === 'up',
    );
  });

  test('names a fiduciary that is away, for which the gateway goes on; without its principal it does not', async () => {
    const [process] = operator.member('fiduciary-2').processes;
    await process?.kill9();
    const name = `fiduciary ${operator.member('fiduciary-2').idDocumentCID}`;
    await eventually(async () => (await gateway()).degraded[name] === 'away');
    expect((await gateway()).status).toBe(200);
    await process?.restart();
    await eventually(async () => (await gateway()).parts[name] === 'up');

    const principals = operator.member('principal').processes;
    for (const one of principals) await one.kill9();
    await eventually(async () => (await gateway()).parts['principal'] === 'away');
    expect((await gateway()).status).toBe(503);
    for (const one of principals) await one.restart();
    await eventually(async () => (await gateway()).status === 200);
  });
});

test('events of an order come through either gateway, by whichever replica, over the crash of one', async () => {
  const orderReference = await begin(operator.api(0));
  const [first] = operator.member('principal').processes;
  const seen: string[] = [];
  for await (const { event } of operator.api(1).client.followOrder(orderReference)) {
    seen.push(event);
    if (event !== 'committed') continue;
    await first?.kill9();
    const redeemed = redeem(operator.api(0), orderReference, 60);
    await redeemed;
  }
  expect(seen).toEqual(['requested', 'enrolled', 'dealing', 'committed', 'releasing', 'released']);
  await first?.restart();
});
