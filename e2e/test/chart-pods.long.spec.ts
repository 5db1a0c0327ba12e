// budget: 600 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { whyNoRealPods } from '@dta/testkit';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isPrivateKeyOf, redeem, until } from '../src/orders.js';
import { answersIn, blocksOf, ROOT, sectionOf } from '../src/pages.js';
import { startChartCluster, type ChartCluster } from '../src/pods.js';

// docs/kubernetes.md, as it says it, on a Kubernetes whose pods are real. What that lacks: limits of memory and CPU, and a
// network that enforces NetworkPolicies. NATS and PostgreSQL are programs of this checkout under the images' names.
jest.setTimeout(900_000);

const refused = await whyNoRealPods();
if (refused !== null) console.log(refused);
const withRealPods = refused === null ? describe : describe.skip;

withRealPods('one operator on Kubernetes', () => {
  let cluster: ChartCluster;
  let texts: string[];

  beforeAll(async () => {
    cluster = await startChartCluster();
    const page = await readFile(join(ROOT, 'docs/kubernetes.md'), 'utf8');
    texts = blocksOf(sectionOf(page, 'One operator, for trying out')).map(({ text }) => text);
  });

  afterAll(() => cluster?.stop());

  const kubectl = (...args: string[]) => cluster.kubectl(['--namespace', 'trial', ...args]);

  test('the page leads from nothing to an order and its secret', async () => {
    const outputs = await cluster.follow(texts.slice(0, -1));
    const said = outputs[texts.findIndex((text) => text.includes('/v1/order'))] ?? '';
    const [placed, redeemed] = answersIn(said);
    expect(isPrivateKeyOf(String(redeemed?.['secret']), String(placed?.['commitment']))).toBe(true);
  });

  test('a pod of each is killed while orders are placed: it is replaced, and no order that was taken is lost', async () => {
    const api = await cluster.gateway('trial');
    const [placed, refusals]: [string[], string[]] = [[], []];
    let stopped = false;
    const client = async () => {
      while (!stopped) {
        const answer = await api.post('/v1/order', { wait: 30 }).catch(() => undefined); // the gateway's own pod was killed
        const { body } = answer ?? {};
        if (typeof body?.['orderReference'] === 'string') placed.push(body['orderReference']);
        else if (answer !== undefined) refusals.push(`${answer.status} ${String(body?.['code'])}`);
        await delay(100);
      }
    };
    const clients = Promise.all([client(), client()]);
    for (const component of ['fiduciary', 'beneficiary', 'principal', 'gateway']) {
      const label = `app.kubernetes.io/component=${component}`;
      await kubectl('delete', 'pod', '--selector', label, '--grace-period=0', '--force');
      await kubectl('rollout', 'status', 'deployment', '--selector', label, '--timeout=180s');
    }
    const count = placed.length;
    for (const limit = Date.now() + 60_000; placed.length < count + 2 && Date.now() < limit;) await delay(100);
    stopped = true;
    await clients;
    expect(placed.length).toBeGreaterThan(count);
    for (const orderReference of placed) {
      const { commitment } = await until(api, orderReference, ({ state }) => state === 'committed');
      expect(isPrivateKeyOf(await redeem(api, orderReference), String(commitment))).toBe(true);
    }
    // while a role has no pod, the gateway says so
    expect(refusals.filter((refusal) => !/^50[34] (busy|service_unavailable|timeout)$/.test(refusal))).toEqual([]);
  });

  test('what the page says at its end takes all of it away', async () => {
    const [uninstall = ''] = texts.slice(-1);
    const [remove = '', ...more] = uninstall.split('\n');
    expect(remove).toContain('helm -n trial uninstall');
    await cluster.follow([remove]);
    const kinds =
      'deployments,jobs,pods,services,configmaps,secrets,serviceaccounts,networkpolicies,persistentvolumeclaims';
    expect(await kubectl('get', kinds, '--selector', 'app.kubernetes.io/instance=trial', '--output', 'name')).toBe('');
    await cluster.follow(more);
  });
});
