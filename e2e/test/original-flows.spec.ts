import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startCluster, type RestApi } from '@dta/testkit';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expected, isPrivateKeyOf } from '../src/orders.js';
import { startStandalone } from '../src/standalone.js';

jest.setTimeout(300_000);

/** A node as a client of the original sees it. */
interface Served {
  readonly api: RestApi;
  stop(): Promise<unknown>;
}

async function standalone(): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-original-'));
  const node = await startStandalone('--port', '0', '--data', folder);
  const stop = async () => {
    await node.end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  return { api: node.api, stop };
}

async function cluster(): Promise<Served> {
  const running = await startCluster();
  return { api: running.operator('first').api(), stop: () => running.stop() };
}

type Body = Readonly<Record<string, unknown>>;

describe.each([
  ['the standalone node', standalone],
  ['the cluster', cluster],
])("a client of the original's, at %s", (_, start) => {
  let served: Served;
  let own: string;
  beforeAll(async () => {
    served = await start();
    const { identities } = expected(200, await served.api.get('/v1/identity?role=beneficiary'));
    const listed = identities as { idDocumentCID: string; own: boolean }[]; // by that route's schema
    const found = listed.find((identity) => identity.own);
    own = String(found?.idDocumentCID);
  });
  afterAll(() => served.stop());

  const order = async (body: Body): Promise<Body> =>
    expected(200, await served.api.post('/v1/order', { wait: 60, ...body }));
  const redeem = async (body: Body): Promise<Body> =>
    expected(200, await served.api.post('/v1/order/secret', { wait: 60, ...body }));
  const extensionOf = ({ extension }: Body) => extension as Record<string, string>; // of the plugins that ship

  test.each([
    ['without a beneficiary, and redeems with one', '', true],
    ['with a beneficiary, and redeems without one', undefined, false],
  ])('orders %s', async (_name, atOrder, named) => {
    const before = Math.floor(Date.now() / 1000);
    const placed = await order({ beneficiaryIDDocumentCID: atOrder ?? own });
    expect(Object.keys(placed).sort()).toEqual(['commitment', 'createdAt', 'orderReference']);
    expect(placed['createdAt']).toBeGreaterThanOrEqual(before);
    expect(placed['createdAt']).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    const { orderReference, commitment } = placed;
    const redeemed = await redeem({ orderReference, ...(named && { beneficiaryIDDocumentCID: own }) });
    expect(redeemed).toEqual({ orderReference, commitment, secret: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(isPrivateKeyOf(String(redeemed['secret']), String(commitment))).toBe(true);
    expect(await redeem({ orderReference })).toEqual(redeemed); // asked again
  });

  test.each([
    ['0', /^1/, /^5/],
    ['1', /^[mn]/, /^9/],
  ])('gets the address of coin %s with the order, and again with the secret', async (coin, address, wif) => {
    const placed = await order({ plugin: 'bitcoinwallet', extension: { coin } });
    expect(placed['extension']).toEqual({ address: expect.stringMatching(address) });
    const { orderReference, commitment } = placed;
    const redeemed = await redeem({ orderReference, beneficiaryIDDocumentCID: own, extension: { coin } });
    expect(redeemed).toMatchObject({ commitment, extension: extensionOf(placed) });
    expect(extensionOf(redeemed)['wif']).toMatch(wif);
  });

  test('gets back the plaintext that it had safeguarded, and only with what it was answered', async () => {
    const plainText = 'ein Geheimnis: ☃';
    const placed = await order({ plugin: 'safeguardsecret', beneficiaryIDDocumentCID: '', extension: { plainText } });
    const { orderReference, commitment } = placed;
    const sealed = extensionOf(placed);
    expect(sealed).toEqual({
      cypherText: expect.stringMatching(/^([0-9a-f]{2})+$/),
      v: expect.stringMatching(/^04[0-9a-f]{128}$/),
      t: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const redeemed = await redeem({ orderReference, beneficiaryIDDocumentCID: own, extension: sealed });
    expect(redeemed).toMatchObject({ commitment, extension: { plainText } });

    for (const part of ['cypherText', 'v', 't']) {
      const value = String(sealed[part]);
      const changed = { ...sealed, [part]: `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}` };
      const answer = await served.api.post('/v1/order/secret', { orderReference, extension: changed });
      expect([part, answer.status, answer.body?.['code']]).toEqual([part, 422, 'plugin_refused']);
      expect(JSON.stringify(answer.body)).not.toContain(plainText);
    }
    const alone = expected(200, await served.api.get(`/v1/order/${String(orderReference)}/secret`));
    expect(alone).toEqual({ orderReference, commitment, secret: redeemed['secret'] });
    const again = await served.api.post(`/v1/order/${String(orderReference)}/secret`, { extension: sealed });
    expect(expected(200, again)).toEqual(redeemed);
  });

  test('safeguards 64 KiB of bytes', async () => {
    const plainText = Buffer.alloc(64 * 1024, 'x').toString('base64');
    const extension = { plainText, encoding: 'base64' };
    const placed = await order({ plugin: 'safeguardsecret', extension });
    const redeemed = await redeem({ orderReference: placed['orderReference'], extension: placed['extension'] });
    expect(redeemed['extension']).toEqual(extension);
  });

  test('finds the newest order first, or the oldest; pages; and a list past its end is empty', async () => {
    const placed = [];
    for (let count = 0; count < 3; count += 1) placed.push(String((await order({}))['orderReference']));
    const list = async (query: string) => expected(200, await served.api.get(`/v1/order?${query}`));
    const newest = await list('page=0&perPage=2&sortBy=dateCreatedDsc');
    expect(newest['orderReference']).toEqual([placed[2], placed[1]]);
    expect((await list('page=1&perPage=2&sortBy=anything'))['orderReference']).toContain(placed[0]);
    const { total, orderReference } = await list('page=0&perPage=1000&sortBy=dateCreatedAsc');
    const all = orderReference as string[]; // by that route's schema
    expect(all.slice(-3)).toEqual(placed);
    expect(all).toHaveLength(Number(total));
    expect(await list('page=1000&perPage=2')).toEqual({ orderReference: [], orders: [], total, next: null });
  });

  test('finds the word Secret in the record of an order, and no secret', async () => {
    const plainText = 'not to be shown';
    const { orderReference } = await order({ plugin: 'safeguardsecret', extension: { plainText } });
    const { secret } = await redeem({ orderReference });
    const shown = expected(200, await served.api.get(`/v1/order/${String(orderReference)}`));
    const { orderCID, order: record } = shown;
    expect(orderCID).toBe(orderReference);
    expect(JSON.parse(String(record))).toMatchObject({ Type: expect.stringContaining('Secret') });
    for (const hidden of [plainText, String(secret)]) expect(JSON.stringify(shown)).not.toContain(hidden);
  });

  test('is told of its mistakes by problems', async () => {
    const nobody = 'bafyreia3vl6d356xhluqijc6m77ho6nahdlx6x55be2aulinrgbonp3m3u';
    const [post, get] = [served.api.post, served.api.get];
    const answers = {
      'order_not_found 404': await get(`/v1/order/${nobody}`),
      'request_invalid 400': await get('/v1/order?page=-1'),
      'not_found 404': await get('/v1/nothing'),
      'request_invalid 405': await get('/v1/fulfill/order'),
      'moved_to_nats 410': await post('/v1/fulfill/order', { orderPart1CID: 'x' }),
      'plugin_unknown 422': await post('/v1/order', { plugin: 'no-such-plugin' }),
      'plugin_refused 422': await post('/v1/order', { plugin: 'bitcoinwallet', extension: { coin: '2' } }),
      'beneficiary_mismatch 422': await post('/v1/order/secret', {
        ...{ orderReference: (await order({}))['orderReference'], beneficiaryIDDocumentCID: nobody },
      }),
    };
    for (const [wanted, { status, body, headers }] of Object.entries(answers)) {
      expect(`${String(body?.['code'])} ${status}`).toBe(wanted);
      expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    }
    expect((await post('/v1/fulfill/order/secret', {})).status).toBe(410);
  });

  test('sees which plugins there are, and what each takes', async () => {
    const names = ['milagro', 'bitcoinwallet', 'safeguardsecret'];
    expect(expected(200, await served.api.get('/v1/status'))).toMatchObject({ plugin: 'milagro', plugins: names });
    const { components } = expected(200, await served.api.get('/openapi.json'));
    expect(components).toHaveProperty(['schemas', 'plugin.bitcoinwallet.order', 'required'], ['coin']);
    for (const name of names) expect(components).toHaveProperty(['schemas', `plugin.${name}.redeemed`]);
  });
});
