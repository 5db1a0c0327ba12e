import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EVENT_STREAMS_MAX, EVENT_STREAMS_PER_CLIENT_MAX } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { cid, orderReference } from './fake-roles.js';
import { startSetup, token, type Setup } from './http.js';

jest.setTimeout(180_000);

let setup: Setup;
beforeAll(async () => {
  setup = await startSetup();
});
afterAll(() => setup.stop());
afterEach(async () => {
  for (const stream of open.splice(0)) stream.request.destroy();
  setup.roles.reset();
});

/** A stream as a client reads it. */
interface Reading {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** all that came so far */
  text(): string;
  readonly ended: Promise<void>;
}

const open: Reading[] = [];

function follow(headers: Record<string, string> = {}, port = setup.gateway.port): Promise<Reading> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, path: `/v1/order/${orderReference}/events`, agent: false },
        headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream', ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        const ended = new Promise<void>((done) => response.once('close', () => done()));
        const reading = { request: outgoing, response, text: () => text, ended };
        response.on('error', () => undefined); // a test ends it when it likes
        open.push(reading);
        resolve(reading);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function until(holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 20_000; !holds(); await delay(10)) {
    if (Date.now() > limit) throw new Error('it did not come about');
  }
}

const event = (id: number, kind: string) => ({ id, at: 1_700_000_000_999, event: kind });
const sent = (id: number, kind: string) => `id: ${id}\ndata: {"at":"2023-11-14T22:13:20.999Z","event":"${kind}"}\n\n`;

describe('GET /v1/order/{orderReference}/events', () => {
  it('sends past events, then those that come, and ends with the order', async () => {
    let tell: () => void = () => undefined;
    const happened = new Promise<void>((resolve) => (tell = resolve));
    setup.roles.answers['principal.await-events'] = async ({ params: { after, waitMs } }) => {
      if (after === 0) return { events: [event(3, 'requested'), event(5, 'enrolled')], ended: false };
      expect([after, waitMs]).toEqual([5, 15_000]);
      await happened;
      return { events: [event(9, 'failed')], ended: true };
    };
    const { response, text, ended } = await follow();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const begin = `retry: 2000\n\n${sent(3, 'requested')}${sent(5, 'enrolled')}`;
    await until(() => text().length >= begin.length);
    expect(text()).toBe(begin);
    tell();
    await ended;
    expect(text()).toBe(begin + sent(9, 'failed'));
  });

  it('goes on after the last event that the client has', async () => {
    const { text, ended } = await follow({ 'Last-Event-ID': '6' });
    await ended;
    expect(text()).toContain('id: 7\n');
    const asked = setup.roles.seen.map(({ served }) => served.params);
    expect(asked).toContainEqual({ orderReference, after: 6, waitMs: 0 });
  });

  it('answers 204 where there is nothing more to come, so that a browser does not come back', async () => {
    setup.roles.answers['principal.await-events'] = () => ({ events: [], ended: true });
    expect(await setup.http(`/v1/order/${orderReference}/events`)).toMatchObject({ status: 204, text: '' });
  });

  it('answers problems as every route does, before the stream begins', async () => {
    const path = `/v1/order/${orderReference}/events`;
    expect(await setup.http(path, { headers: { Authorization: 'Bearer other' } })).toMatchObject({
      ...{ status: 401, body: { code: 'unauthenticated' } },
    });
    for (const id of ['x', '-1', '1.5']) {
      expect(await setup.http(path, { headers: { 'Last-Event-ID': id } })).toMatchObject({
        ...{ status: 400, body: { errors: [{ path: 'Last-Event-ID' }] } },
      });
    }
    expect(await setup.http('/v1/order/x/events')).toMatchObject({ status: 400 });
    setup.roles.answers['principal.await-events'] = () => {
      throw new DtaError('order_not_found', 'no order of that reference');
    };
    expect(await setup.http(`/v1/order/${cid('another')}/events`)).toMatchObject({
      ...{ status: 404, body: { code: 'order_not_found' } },
    });
  });

  it('says that it is alive while nothing happens, and outlives a principal that is away for a while', async () => {
    let calls = 0;
    setup.roles.answers['principal.await-events'] = () => {
      calls += 1;
      if (calls === 1) return { events: [event(3, 'requested')], ended: false };
      if (calls === 2) return { events: [], ended: false };
      if (calls === 3) throw new DtaError('service_unavailable', 'PostgreSQL does not answer');
      return { events: [event(4, 'failed')], ended: true };
    };
    const { text, ended } = await follow();
    await ended;
    expect(text()).toBe(`retry: 2000\n\n${sent(3, 'requested')}: still there\n\n: still there\n\n${sent(4, 'failed')}`);
  });

  it('ends where the token is no longer good', async () => {
    let calls = 0;
    setup.roles.answers['principal.await-events'] = () => {
      calls += 1;
      if (calls === 1) return { events: [event(3, 'requested')], ended: false };
      throw new DtaError('unauthenticated', 'another token');
    };
    const { text, ended } = await follow();
    await ended;
    expect(text()).toContain(sent(3, 'requested'));
    expect(calls).toBe(2);
  });

  it('asks no more once the client has gone', async () => {
    let calls = 0;
    setup.roles.answers['principal.await-events'] = async () => {
      calls += 1;
      await delay(100);
      return { events: [], ended: false };
    };
    const { request: outgoing } = await follow();
    await until(() => calls > 2);
    const gone = () => setup.log().split('"code":"gone"').length;
    const before = gone();
    outgoing.destroy();
    await until(() => gone() > before);
    await delay(200); // what was asked meanwhile
    const after = calls;
    await delay(500);
    expect(calls).toBeLessThanOrEqual(after);
  });

  it('reads no further for a client that does not read', async () => {
    let calls = 0;
    const long = 'x'.repeat(64 * 1024);
    setup.roles.answers['principal.await-events'] = () => {
      calls += 1;
      return { events: [event(calls, long)], ended: false };
    };
    const { response } = await follow();
    response.pause();
    await until(() => calls > 3);
    let before = -1;
    for (; before !== calls; await delay(300)) before = calls; // what lies between is full
    expect(calls).toBeLessThan(1_000);
  });

  it('answers HEAD without a stream', async () => {
    expect(await setup.http(`/v1/order/${orderReference}/events`, { method: 'HEAD' })).toMatchObject({
      ...{ status: 200, text: '' },
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
  });
});

describe('streams of one gateway', () => {
  it('are limited; a place is free again when its client has gone', async () => {
    setup.roles.answers['principal.await-events'] = async ({ params: { waitMs } }) => {
      await delay(waitMs, undefined, { ref: false });
      return { events: [], ended: false };
    };
    const other = await startSetup({ trustProxyHops: 1 });
    other.roles.answers['principal.await-events'] = setup.roles.answers['principal.await-events'];
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const follows = (address: string) => follow(from(address), other.gateway.port);
    const asks = (address: string) => other.http(`/v1/order/${orderReference}/events`, { headers: from(address) });
    const ofOne = Array.from({ length: EVENT_STREAMS_PER_CLIENT_MAX }, (_, at) => `2001:db8::${at}:1`);
    await Promise.all(ofOne.map(follows)); // all of one network of 64 bits
    expect(await asks('2001:db8::ffff')).toMatchObject({
      ...{ status: 429, headers: { 'retry-after': '5' }, body: { code: 'rate_limited' } },
    });
    const others = EVENT_STREAMS_MAX / EVENT_STREAMS_PER_CLIENT_MAX - 1;
    for (let client = 1; client <= others; client += 1) {
      await Promise.all(ofOne.map(() => follows(`10.0.0.${client}`)));
    }
    expect(await asks('10.0.1.1')).toMatchObject({
      ...{ status: 503, headers: { 'retry-after': '5' }, body: { code: 'busy' } },
    });
    const gone = () => other.log().split('"code":"gone"').length;
    const before = gone();
    open[0]?.request.destroy();
    await until(() => gone() > before);
    expect((await follows('2001:db8::ffff')).response.statusCode).toBe(200);
    for (const stream of open.splice(0)) stream.request.destroy();
    await other.stop();
  });

  it('end when it stops, and hold nothing up', async () => {
    const other = await startSetup();
    other.roles.answers['principal.await-events'] = async ({ params: { waitMs } }) => {
      await delay(waitMs, undefined, { ref: false });
      return { events: [], ended: false };
    };
    const { ended } = await follow({}, other.gateway.port);
    const begun = performance.now();
    await other.gateway.stop();
    await ended;
    expect(performance.now() - begun).toBeLessThan(5_000);
    await other.roles.close();
  });
});
