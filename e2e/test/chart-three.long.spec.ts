// budget: 600 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { whyNoRealPods } from '@dta/testkit';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { begin, expected, isPrivateKeyOf, until } from '../src/orders.js';
import { answersIn, blocksOf, ROOT, sectionOf } from '../src/pages.js';
import { startChartCluster, type ChartCluster } from '../src/pods.js';

// docs/kubernetes.md, three operators, as it says it, on a Kubernetes whose pods are real: four namespaces stand for four
// clusters. It has no limits of memory and CPU, and no network that enforces NetworkPolicies.
jest.setTimeout(900_000);

const refused = await whyNoRealPods();
if (refused !== null) console.log(refused);
const withRealPods = refused === null ? describe : describe.skip;

withRealPods('three operators on Kubernetes', () => {
  let cluster: ChartCluster;
  let texts: string[];

  beforeAll(async () => {
    cluster = await startChartCluster({ tools: ['nk'] });
    const page = await readFile(join(ROOT, 'docs/kubernetes.md'), 'utf8');
    texts = blocksOf(sectionOf(page, 'Three operators')).map(({ text }) => text);
  });

  afterAll(() => cluster?.stop());

  /** A node by the file that its operator gave to the others. */
  async function nodeOf(identity: string): Promise<string> {
    const text = await readFile(join(cluster.folder, 'three', `${identity}.yaml`), 'utf8');
    const { identities } = parse(text) as { identities: Record<string, { node: string }> }; // as the Job prints it
    return identities[identity]?.node ?? '';
  }

  test('the page leads from nothing to an order of one, with fiduciaries of all, whose secret the other reads at its own gateway', async () => {
    const outputs = await cluster.follow(texts.slice(0, -1));
    const said = outputs[texts.findIndex((text) => text.includes('/v1/order'))] ?? '';
    const [placed, redeemed, revealed] = answersIn(said);
    expect(redeemed).toEqual({
      orderReference: placed?.['orderReference'],
      commitment: placed?.['commitment'],
      state: 'released',
    });
    expect(isPrivateKeyOf(String(revealed?.['secret']), String(placed?.['commitment']))).toBe(true);
  });

  test('while the hub is away each goes on by itself, and an order that was taken waits for it', async () => {
    const [alpha, beta] = [await cluster.gateway('alpha'), await cluster.gateway('beta')];
    const hub = (...args: string[]) => cluster.kubectl(['--namespace', 'hub', ...args]);
    await hub('scale', 'deployment/nats', '--replicas=0');
    await hub('wait', '--for=delete', 'pod', '--selector=app=nats', '--timeout=180s');
    const orderReference = await begin(alpha);
    const waits = await until(alpha, orderReference, ({ waitingFor }) => waitingFor.length > 0);
    expect(waits).toMatchObject({ state: 'requested', waitingFor: [{ lastError: 'service_unavailable' }] });
    for (const api of [alpha, beta]) expected(200, await api.get('/health/ready'));

    await hub('scale', 'deployment/nats', '--replicas=1');
    const { commitment, fiduciaries } = await until(alpha, orderReference, ({ state }) => state === 'committed');
    const nodes = await Promise.all(['alpha', 'beta', 'gamma'].map((name) => nodeOf(`${name}-fiduciary`)));
    expect(fiduciaries.map(({ idDocumentCID }) => idDocumentCID).sort()).toEqual(nodes.sort());
    expected(200, await alpha.post('/v1/order/secret', { orderReference, wait: 60 }));
    const { secret } = expected(200, await beta.get(`/v1/order/${orderReference}/secret`));
    expect(isPrivateKeyOf(String(secret), String(commitment))).toBe(true);
  });

  test('what the page says at its end takes all of it away', async () => {
    await cluster.follow(texts.slice(-1));
    const namespaces = (await cluster.kubectl(['get', 'namespaces', '--output', 'name'])).trim().split('\n').sort();
    expect(namespaces.filter((name) => !name.startsWith('namespace/kube-'))).toEqual(['namespace/default']);
  });
});
