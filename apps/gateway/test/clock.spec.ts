import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { internalSubject } from '@dta/contracts';
import { createMonitor, type Monitor } from '@dta/service';
import { DtaError } from '@dta/errors';
import { Gate } from '@dta/transport';
import { orderReference, principal, progress } from './fake-roles.js';
import { readinessWith, startSetup, type Setup } from './http.js';

let setup: Setup;
let monitor: Monitor;
let ahead: number;

beforeEach(async () => {
  ahead = 0;
  monitor = createMonitor('gateway');
  setup = await startSetup({ access: 'standalone' }, { monitor, now: () => Date.now() + ahead });
});

afterEach(() => setup.stop());

const lines = () =>
  setup
    .log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string | number; msg: string; role?: string; aheadMs?: number }); // pino's

describe('a gateway whose clock is 150 s off', () => {
  it.each([
    [150_000, 'ahead of'],
    [-150_000, 'behind'],
  ])('(by %d ms) says so, in place of a role that is away', async (ms, word) => {
    ahead = ms;
    const placed = await setup.http('/v1/order', { json: {} });
    expect(placed).toMatchObject({
      status: 503,
      body: { code: 'clock_skewed', detail: `this gateway's clock is 150 s ${word} the principal's` },
    });
    const read = await setup.http(`/v1/order/${orderReference}/secret`);
    expect(read.body).toMatchObject({
      code: 'clock_skewed',
      detail: expect.stringContaining(`${word} the beneficiary's`),
    });
    expect(setup.roles.seen).toEqual([]);
    expect((await setup.http('/v1/identity')).body).toMatchObject({ code: 'clock_skewed' });
  });

  it('tells of it in its log, once a minute for each role, with how far it is', async () => {
    ahead = 150_000;
    for (let at = 0; at < 3; at++) await setup.http('/v1/order', { json: {} });
    const said = lines().filter(({ msg, role }) => role === 'principal' && msg.includes('no call is served until'));
    expect(said).toHaveLength(1);
    expect(Math.abs((said[0]?.aheadMs ?? 0) - 150_000)).toBeLessThan(30_000);
    expect(setup.log()).not.toContain('did not answer');
  });

  it('shows it in its health, and is ready again as soon as the clocks agree', async () => {
    ahead = -150_000;
    const sentence = expect.stringContaining("this gateway's clock is 150 s behind the beneficiary's");
    const { status, body } = await setup.http('/health/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      ready: false,
      parts: { principal: expect.stringContaining('not served: this gateway') },
    });
    const own = await monitor.health.report(); // a second old at most
    expect(Object.keys(own.parts)).not.toContain('clock');
    const told = async () => (await monitor.health.report()).degraded['clock'];
    for (const limit = performance.now() + 30_000; (await told()) === undefined && performance.now() < limit;)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await told()).toEqual(sentence);
    expect(await monitor.registry.metrics()).toContain('dta_part_up{part="clock",role="gateway"} 0');
    ahead = 0;
    await readinessWith(setup, ({ status: now }) => now === 200);
    expect((await setup.http('/v1/order', { json: {} })).status).toBe(200);
  });
});

it('a wait whose role says so is no refusal: what was begun goes on, and the caller has its reference', async () => {
  setup.roles.answers['principal.place-order'] = () => {
    ahead = 150_000;
    return progress({ state: 'dealing', commitment: null });
  };
  const { status, body } = await setup.http('/v1/order', { json: { wait: 2 } });
  expect([status, body['orderReference']]).toEqual([202, orderReference]);
});

it("a clock that a role and its database differ about is the role's, and the gateway adds no word of its own", async () => {
  setup.roles.answers['principal.place-order'] = () => {
    throw new DtaError('clock_skewed', "this node's clock is 3600 s ahead of its database's", {
      metadata: { skewMs: 3_600_000 },
    });
  };
  expect(await setup.http('/v1/order', { json: {} })).toMatchObject({
    status: 503,
    body: { code: 'clock_skewed', detail: "this node's clock is 3600 s ahead of its database's" },
  });
  expect((await monitor.health.report()).degraded).toEqual({});
});

it("an error outside the seal is anyone's word: the role alone can say that the clock is wrong", async () => {
  await setup.roles.leave('principal');
  const subject = internalSubject(principal.node, 'principal', 'place-order');
  const forged = async () => {
    throw new DtaError('clock_skewed', 'says who', { metadata: { aheadMs: 150_000 } });
  };
  const served = await setup.roles.side.serve(subject, { group: 'principal', gate: new Gate() }, forged);
  expect(await setup.http('/v1/order', { json: {} })).toMatchObject({
    status: 503,
    body: { code: 'service_unavailable', detail: 'the principal is away' },
  });
  await served.stop();
  expect((await monitor.health.report()).degraded).toEqual({});
});
