import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { toHex } from '@dta/codec';
import type { OrderProgress } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { beneficiary, cid, commitment, fiduciary, order, orderReference, progress, secret } from './fake-roles.js';
import { startSetup, token, type Setup } from './http.js';

let setup: Setup;
beforeAll(async () => {
  setup = await startSetup();
});
afterAll(() => setup.stop());
afterEach(() => setup.roles.reset());

const stranger = cid('a beneficiary of another operator');
const post = (path: string, json: unknown, headers: Record<string, string> = {}) => setup.http(path, { json, headers });
const waiting = (state: OrderProgress['state']) =>
  progress({
    ...{ state, commitment: null },
    waitingFor: [
      { party: fiduciary.node, role: 'fiduciary', lastError: 'timeout: no reply', detail: null },
      { party: stranger, role: 'beneficiary', lastError: null, detail: null },
    ],
  });

describe('POST /v1/order', () => {
  it("answers in the original's form when the order is committed", async () => {
    const { status, body, headers } = await post('/v1/order', { beneficiaryIDDocumentCID: '' });
    expect(status).toBe(200);
    expect(body).toEqual({ orderReference, commitment: toHex(commitment), createdAt: 1_700_000_000 });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
  });

  it('hands on what it was given, with the token, the request and the trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { 'Idempotency-Key': 'key-1', traceparent, 'X-Request-Id': 'request-1' };
    const { headers: answered } = await post(
      '/v1/order',
      {
        ...{
          beneficiaryIDDocumentCID: stranger,
          fiduciaries: [fiduciary.node],
          threshold: 1,
          single: true,
          minDealers: 1,
        },
        ...{ setupBy: '2030-01-01T00:00:00Z', keepUntil: '2031-01-01T01:00:00+01:00', plugin: 'milagro' },
        ...{ rules: { waitSeconds: 5 }, extension: { note: 'x', count: 3 } },
      },
      headers,
    );
    expect(answered['x-request-id']).toBe('request-1');
    expect(setup.roles.seen.map(({ call }) => call)).toEqual(['principal.place-order']);
    expect(setup.roles.seen[0]?.served).toMatchObject({
      ...{ caller: { token }, requestId: 'request-1', traceparent, gateway: 'gateway' },
      params: {
        ...{ plugin: 'milagro', fiduciaries: [fiduciary.node], beneficiary: stranger, threshold: 1, single: true },
        ...{ minDealers: 1, setupBy: Date.UTC(2030, 0), keepUntil: Date.UTC(2031, 0), idempotencyKey: 'key-1' },
        ...{ rules: { notBefore: null, maxReleases: null, waitSeconds: 5 }, extension: { note: 'x', count: 3 } },
      },
    });
  });

  it('leaves to the principal what the request does not say', async () => {
    await post('/v1/order', {});
    expect(setup.roles.seen[0]?.served.params).toEqual({
      ...{ plugin: null, fiduciaries: null, beneficiary: null, threshold: null, single: null, minDealers: null },
      ...{
        setupBy: null,
        keepUntil: null,
        rules: null,
        extension: {},
        idempotencyKey: null,
        waitMs: expect.any(Number),
      },
    });
  });

  it("gives the plugin's part where it has one", async () => {
    setup.roles.answers['principal.place-order'] = () => progress({ extension: { address: '1abc' } });
    expect((await post('/v1/order', {})).body['extension']).toEqual({ address: '1abc' });
  });

  it('waits for the commitment', async () => {
    setup.roles.answers['principal.place-order'] = () => waiting('requested');
    const begun = Date.now();
    setup.roles.answers['principal.await-order'] = ({ params }) => {
      expect(params.until).toBe('committed');
      expect(params.waitMs).toBeGreaterThanOrEqual(7_000 - (Date.now() - begun));
      expect(params.waitMs).toBeLessThanOrEqual(7_000);
      return progress();
    };
    expect((await post('/v1/order', { wait: 7 })).status).toBe(200);
  });

  it('answers 202 with the reference, who is waited for and where to ask, when the wait ends first', async () => {
    setup.roles.answers['principal.place-order'] = () => waiting('requested');
    setup.roles.answers['principal.await-order'] = () => waiting('dealing');
    const { status, body, headers } = await post('/v1/order', {});
    expect(status).toBe(202);
    expect(headers['location']).toBe(`/v1/order/${orderReference}`);
    expect(body).toEqual({
      ...{ orderReference, state: 'dealing' },
      waitingFor: [
        { fiduciary: fiduciary.node, lastError: 'timeout: no reply', detail: null },
        { beneficiary: stranger, lastError: null, detail: null },
      ],
    });
  });

  it('does not wait where it is told not to', async () => {
    setup.roles.answers['principal.place-order'] = () => waiting('requested');
    expect((await post('/v1/order', { wait: 0 })).status).toBe(202);
    expect(setup.roles.seen.map(({ call }) => call)).toEqual(['principal.place-order']);
    expect(setup.roles.seen[0]?.served.params).toMatchObject({ waitMs: 0 });
  });

  it('still gives the reference where the principal falls silent while it waits', async () => {
    setup.roles.answers['principal.place-order'] = () => waiting('requested');
    setup.roles.answers['principal.await-order'] = () => {
      throw new DtaError('busy', 'too many waiters');
    };
    expect(await post('/v1/order', {})).toMatchObject({ status: 202, body: { orderReference, state: 'requested' } });
  });

  it('answers 503 with which and why, when the order fails within the wait', async () => {
    setup.roles.answers['principal.place-order'] = () => waiting('requested');
    setup.roles.answers['principal.await-order'] = () =>
      progress({
        ...{ state: 'failed', commitment: null },
        failure: {
          reason: 'too few fiduciaries',
          owing: [{ party: fiduciary.node, lastError: 'identity_not_admitted', detail: 'its list lacks P' }],
        },
      });
    const { status, body, headers } = await post('/v1/order', {});
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('5');
    expect(headers['content-type']).toMatch('application/problem+json');
    expect(body).toMatchObject({
      ...{ type: 'urn:dta:problem:fiduciaries_insufficient', code: 'fiduciaries_insufficient', status: 503 },
      ...{ requestId: headers['x-request-id'], orderReference },
      waitingFor: [{ fiduciary: fiduciary.node, lastError: 'identity_not_admitted', detail: 'its list lacks P' }],
    });
    expect(body['detail']).toContain('too few fiduciaries');
    expect(body['detail']).toContain('(identity_not_admitted: its list lacks P)');
  });

  it('answers 409 for an order that was cancelled meanwhile', async () => {
    setup.roles.answers['principal.place-order'] = () => progress({ state: 'cancelled' });
    expect(await post('/v1/order', {})).toMatchObject({ status: 409, body: { code: 'order_state_conflict' } });
  });

  it.each([
    ['fiduciaries_missing', 400],
    ['terms_invalid', 422],
    ['idempotency_conflict', 422],
    ['identity_not_admitted', 403],
    ['custody_unavailable', 503],
  ] as const)("passes on the principal's %s as %i", async (code, status) => {
    setup.roles.answers['principal.place-order'] = () => {
      throw new DtaError(code, 'the reason');
    };
    const answered = await post('/v1/order', {});
    expect(answered).toMatchObject({
      status,
      body: { code, status, detail: 'the reason', title: code.replaceAll('_', ' ') },
    });
  });

  it('tells nothing of an error that nobody foresaw, and logs it', async () => {
    setup.roles.answers['principal.place-order'] = () => {
      throw new Error('password in a stack');
    };
    const { status, text } = await post('/v1/order', {}, { 'X-Request-Id': 'unforeseen' });
    expect(status).toBe(500);
    expect(text).not.toContain('password');
    expect(setup.log()).toMatch(/"requestId":"unforeseen".*"a request failed"/);
  });

  it('lists every fault of a request', async () => {
    const { status, body } = await post(
      '/v1/order',
      {
        ...{ beneficiaryIDDocumentCID: 'nobody', fiduciaries: [], threshold: 33, setupBy: 'soon', plugin: 'An other' },
        ...{ rules: { maxReleases: 0 }, extension: { float: 1.5 }, wait: 61, treshold: 2 },
      },
      { 'Idempotency-Key': 'two words' },
    );
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'request_invalid', detail: 'the request has 10 faults' });
    const errors = body['errors'] as { path: string }[]; // a problem's
    const paths = errors.map(({ path }) => path);
    expect(paths.sort()).toEqual(
      [
        ...['Idempotency-Key', 'beneficiaryIDDocumentCID', 'fiduciaries', 'threshold', 'setupBy', 'plugin'],
        ...['rules.maxReleases', 'extension', 'wait', 'treshold'],
      ].sort(),
    );
    expect(setup.roles.seen).toEqual([]);
  });
});

describe('POST /v1/order/secret', () => {
  it("answers in the original's form where the beneficiary is the own one", async () => {
    const { status, body } = await post('/v1/order/secret', {
      ...{ orderReference, beneficiaryIDDocumentCID: beneficiary.node, extension: {} },
    });
    expect(status).toBe(200);
    expect(body).toEqual({ secret: toHex(secret), commitment: toHex(commitment), orderReference });
    expect(setup.roles.seen.map(({ call, role }) => [call, role])).toEqual([
      ['principal.redeem-order', 'principal'],
      ['beneficiary.reveal-secret', 'beneficiary'],
    ]);
    expect(setup.roles.seen[0]?.served.params).toMatchObject({
      ...{ orderReference, beneficiary: beneficiary.node, waitMs: expect.any(Number) },
    });
    expect(setup.roles.seen.every(({ served }) => served.caller.token === token)).toBe(true);
  });

  it('waits for the release', async () => {
    setup.roles.answers['principal.redeem-order'] = () => progress({ state: 'releasing' });
    setup.roles.answers['principal.await-order'] = ({ params }) => {
      expect(params.until).toBe('released');
      return progress({ state: 'released' });
    };
    expect((await post('/v1/order/secret', { orderReference })).body['secret']).toBe(toHex(secret));
  });

  it("does not reveal another operator's", async () => {
    setup.roles.answers['principal.redeem-order'] = () =>
      progress({ state: 'released', beneficiary: stranger, beneficiaryIsOwn: false });
    const { status, body } = await post('/v1/order/secret', { orderReference });
    expect(status).toBe(200);
    expect(body).toEqual({ orderReference, commitment: toHex(commitment), state: 'released' });
    expect(setup.roles.seen).toHaveLength(1);
  });

  it('answers 202 with where the secret will be', async () => {
    setup.roles.answers['principal.redeem-order'] = () => progress({ state: 'releasing' });
    setup.roles.answers['principal.await-order'] = () => progress({ state: 'releasing' });
    const { status, headers, body } = await post('/v1/order/secret', { orderReference });
    expect(status).toBe(202);
    expect(headers['location']).toBe(`/v1/order/${orderReference}/secret`);
    expect(body).toEqual({ orderReference, state: 'releasing', waitingFor: [] });
  });

  it('answers 409 for an order that is no more', async () => {
    setup.roles.answers['principal.redeem-order'] = () => progress({ state: 'expired' });
    expect(await post('/v1/order/secret', { orderReference })).toMatchObject({
      ...{ status: 409, body: { code: 'order_state_conflict', detail: 'the order is expired' } },
    });
  });

  it.each([
    ['beneficiary_mismatch', 422],
    ['order_not_found', 404],
    ['order_state_conflict', 409],
    ['redemption_limit', 429],
  ] as const)("passes on the principal's %s as %i", async (code, status) => {
    setup.roles.answers['principal.redeem-order'] = () => {
      throw new DtaError(code, 'the reason');
    };
    expect(await post('/v1/order/secret', { orderReference })).toMatchObject({ status, body: { code } });
  });

  it("passes on the beneficiary's refusal to reveal", async () => {
    setup.roles.answers['beneficiary.reveal-secret'] = () => {
      throw new DtaError('forbidden', 'this caller may not read secrets');
    };
    expect(await post('/v1/order/secret', { orderReference })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });
});

describe('GET /v1/order', () => {
  it('gives a page', async () => {
    const { status, body } = await setup.http('/v1/order?page=2&perPage=5&sortBy=dateCreatedAsc&state=committed');
    expect(status).toBe(200);
    expect(body).toEqual({
      orderReference: [orderReference],
      orders: [
        {
          ...{ orderReference, state: 'committed', commitment: toHex(commitment), createdAt: 1_700_000_000 },
          ...{ beneficiary: beneficiary.node, threshold: 1, fiduciaries: 1 },
        },
      ],
      ...{ total: 1, next: null },
    });
    expect(setup.roles.seen[0]?.served.params).toEqual({
      ...{ after: null, page: 2, perPage: 5, sortBy: 'dateCreatedAsc', state: 'committed', beneficiary: null },
    });
  });

  it('shows an order of a newer version as far as its principal reads it, whatever its state', async () => {
    const newer = { orderReference, state: 'complaining', createdAt: 1_700_000_000_000, beneficiary: beneficiary.node };
    setup.roles.answers['principal.list-orders'] = () => ({
      orders: [{ ...newer, commitment: null, threshold: null, fiduciaries: null }],
      ...{ unreadable: [], total: 1, next: null },
    });
    const { status, body } = await setup.http('/v1/order');
    expect(status).toBe(200);
    expect(body).toMatchObject({ orders: [{ state: 'complaining', commitment: null, threshold: null }], total: 1 });
  });

  it('names the orders of the page that the principal could not read, beside all others', async () => {
    setup.roles.answers['principal.list-orders'] = () => ({
      orders: [],
      unreadable: [orderReference],
      total: 1,
      next: null,
    });
    const { status, body } = await setup.http('/v1/order');
    expect(status).toBe(200);
    expect(body).toEqual({ orderReference: [], orders: [], unreadable: [orderReference], total: 1, next: null });
  });

  it.each([
    ['', 'dateCreatedDsc'],
    ['?sortBy=anything', 'dateCreatedDsc'],
    ['?sortBy=dateCreatedAsc', 'dateCreatedAsc'],
  ])('reads %j as %s', async (query, sortBy) => {
    await setup.http(`/v1/order${query}`);
    expect(setup.roles.seen[0]?.served.params).toMatchObject({ page: 0, perPage: 20, sortBy });
  });

  it.each(['page=-1', 'page=x', 'page=1&page=2', 'perPage=0', 'perPage=1001', 'state=lost', 'beneficiary=me'])(
    'refuses ?%s',
    async (query) => {
      const { status, body } = await setup.http(`/v1/order?${query}`);
      expect(status).toBe(400);
      expect(body['errors']).toEqual([{ path: query.split('=')[0], message: expect.any(String) }]);
    },
  );
});

describe('GET /v1/order/{orderReference}', () => {
  it("gives the order in full, with the original's record", async () => {
    setup.roles.answers['principal.get-order'] = () => order({ keepUntil: Date.UTC(2031, 0) });
    const { status, body } = await setup.http(`/v1/order/${orderReference}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ orderCID: orderReference, orderReference, state: 'committed', commitment: toHex(commitment) },
      ...{ createdAt: 1_700_000_000, setupBy: '2023-11-14T22:28:20.000Z', keepUntil: '2031-01-01T00:00:00.000Z' },
      fiduciaries: [{ idDocumentCID: fiduciary.node, state: 'committed', lastError: null, detail: null }],
      ...{ failure: null, waitingFor: [], envelopes: [{ cid: cid('envelope'), published: false }] },
      timeline: [{ at: '2023-11-14T22:13:20.999Z', event: 'place' }],
    });
    expect(JSON.parse(String(body['order']))).toMatchObject({ Type: expect.stringContaining('Secret') });
  });

  it('gives an order that failed', async () => {
    setup.roles.answers['principal.get-order'] = () =>
      order({
        ...{ state: 'failed', commitment: null },
        failure: { reason: 'setup_expired', owing: [{ party: beneficiary.node, lastError: null, detail: null }] },
      });
    expect((await setup.http(`/v1/order/${orderReference}`)).body).toMatchObject({
      failure: {
        reason: 'setup_expired',
        waitingFor: [{ beneficiary: beneficiary.node, lastError: null, detail: null }],
      },
    });
  });

  it('answers 404 for one that nobody knows, 400 for what is no reference', async () => {
    setup.roles.answers['principal.get-order'] = () => {
      throw new DtaError('order_not_found', 'there is no such order');
    };
    expect(await setup.http(`/v1/order/${orderReference}`)).toMatchObject({
      ...{ status: 404, body: { code: 'order_not_found' } },
    });
    expect(await setup.http('/v1/order/52a7e4f8')).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
  });
});

describe('GET /v1/order/{orderReference}/secret', () => {
  it('gives the secret from the beneficiary alone', async () => {
    const { status, body } = await setup.http(`/v1/order/${orderReference}/secret`);
    expect(status).toBe(200);
    expect(body).toEqual({ secret: toHex(secret), commitment: toHex(commitment), orderReference });
    expect(setup.roles.seen.map(({ role }) => role)).toEqual(['beneficiary']);
  });

  it('answers 409 before the release', async () => {
    setup.roles.answers['beneficiary.reveal-secret'] = () => {
      throw new DtaError('order_state_conflict', 'the order is not released');
    };
    expect((await setup.http(`/v1/order/${orderReference}/secret`)).status).toBe(409);
  });
});

it('writes no secret and no token to its log', () => {
  expect(setup.log()).toContain('"route":"/v1/order/secret"');
  expect(setup.log()).not.toContain(toHex(secret));
  expect(setup.log()).not.toContain(token);
});
