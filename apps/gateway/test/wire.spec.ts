import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HTTP_BODY_MAX_BYTES } from '@dta/contracts';
import { setTimeout as delay } from 'node:timers/promises';
import { orderReference, progress } from './fake-roles.js';
import { startSetup, token, type Setup } from './http.js';
import { ask, head, statusIn, wire } from './wire.js';

const json = 'Content-Type: application/json';
const placing = (...lines: readonly string[]) => head('POST /v1/order', 'Host: x', json, ...lines);

let setup: Setup;
let port: number;
beforeAll(async () => {
  setup = await startSetup();
  ({ port } = setup.gateway);
});
afterAll(() => setup.stop());

describe('a body that is too long', () => {
  it('is refused by its Content-Length before a byte of it came, and the connection is closed', async () => {
    const { closed } = wire(port, placing(`Content-Length: ${HTTP_BODY_MAX_BYTES + 1}`));
    const text = await closed;
    expect(statusIn(text)).toBe(413);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
    expect(text).toContain('"code":"too_large"');
  });

  it('is refused in chunks as soon as it passes the limit, whatever is still to come', async () => {
    const { socket, closed } = wire(port, placing('Transfer-Encoding: chunked'));
    const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
    socket.write(chunk.repeat(4) + '1\r\na\r\n'); // one byte more than 256 KiB, and no end
    const text = await closed;
    expect(statusIn(text)).toBe(413);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
  });

  it('is answered whole to a client that sends on, before the connection is closed', async () => {
    const { socket, until } = wire(port, placing('Content-Length: 100000000'));
    const sending = setInterval(() => socket.write('a'.repeat(100_000)), 1);
    const text = await until(/"code":"too_large".*\}/);
    clearInterval(sending);
    expect(statusIn(text)).toBe(413);
    socket.destroy();
  });

  it('is not asked for where the client waits to be asked, and one that fits is', async () => {
    const long = wire(port, placing('Expect: 100-continue', `Content-Length: ${HTTP_BODY_MAX_BYTES + 1}`));
    expect(await long.closed).not.toContain('100 Continue');
    const { socket, until } = wire(port, placing('Expect: 100-continue', 'Content-Length: 2'));
    await until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    socket.write('{}');
    expect(statusIn(await until(/orderReference/))).toBe(200);
    socket.destroy();
  });

  it('is asked for where the client names more than one expectation', async () => {
    const { socket, until } = wire(port, placing('Expect: other, 100-Continue', 'Content-Length: 2'));
    await until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    socket.write('{}');
    expect(statusIn(await until(/orderReference/))).toBe(200);
    socket.destroy();
    expect((await ask(port, placing('Expect: other', 'Content-Length: 0'))).status).toBe(417);
  });

  it('is not read off for a client without a token', async () => {
    const start = `POST /v1/order HTTP/1.1\r\nHost: x\r\n${json}\r\n`;
    for (const length of ['Content-Length: 100000000', 'Transfer-Encoding: chunked']) {
      const text = await wire(port, `${start}${length}\r\n\r\n`).closed;
      expect(statusIn(text)).toBe(401);
      expect(text).toMatch(/\r\nConnection: close\r\n/i);
    }
  });

  it('takes the next request with it: what follows on the connection is not read', async () => {
    const before = setup.roles.seen.length;
    const long = placing(`Content-Length: ${HTTP_BODY_MAX_BYTES + 1}`) + 'a'.repeat(HTTP_BODY_MAX_BYTES + 1);
    const text = await wire(port, `${long}${placing('Content-Length: 2')}{}`).closed;
    expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    expect(setup.roles.seen).toHaveLength(before);
  });
});

describe('a body where no route takes one', () => {
  const chunked = ['Host: x', json, 'Transfer-Encoding: chunked'];

  it.each(['/health/live', '/health/ready', '/openapi.json', '/docs', '/docs/swagger-ui.css', '/'])(
    'is refused unread on the public path %s, before its end or without one',
    async (path) => {
      const text = await wire(port, [`GET ${path} HTTP/1.1`, ...chunked, '', '1\r\n \r\n'].join('\r\n')).closed;
      expect(statusIn(text)).toBe(400);
      expect(text).toContain('"code":"request_invalid"');
      expect(text).toMatch(/\r\nConnection: close\r\n/i);
    },
  );

  it('is refused on a path with a token, and of a POST never read', async () => {
    expect(statusIn(await wire(port, head('GET /v1/order', ...chunked)).closed)).toBe(400);
    expect(statusIn(await wire(port, head('POST /v1/fulfill/order', ...chunked)).closed)).toBe(410);
    expect(statusIn(await wire(port, head('POST /v1/nowhere', ...chunked)).closed)).toBe(404);
  });
});

describe('a body in the smallest of pieces', () => {
  it('is taken', async () => {
    const pieces = Array.from('{"wait":1}', (char) => `1\r\n${char}\r\n`).join('');
    const { status } = await ask(port, `${placing('Transfer-Encoding: chunked')}${pieces}0\r\n\r\n`);
    expect(status).toBe(200);
  });
});

describe('a refusal of a short body', () => {
  it('keeps the connection', async () => {
    const wrong = placing('Content-Length: 7').replace('/v1/order', '/v1/nowhere');
    const { until, socket } = wire(port, `${wrong}{"a":1}${placing('Content-Length: 2')}{}`);
    expect(await until(/orderReference/)).toMatch(/^HTTP\/1\.1 404 [^]*HTTP\/1\.1 200 /);
    socket.destroy();
  });
});

describe('a body that comes slowly', () => {
  it('leaves the order all of its wait, and what is stored its reference', async () => {
    const waits: number[] = [];
    setup.roles.answers['principal.place-order'] = async ({ params }) => {
      waits.push(params.waitMs);
      await delay(1_000); // a principal may take 4 s more than the wait, and stores it then
      return progress({ state: 'requested', commitment: null });
    };
    setup.roles.answers['principal.await-order'] = () => progress({ state: 'dealing', commitment: null });
    const texts = await Promise.all(
      [5_600, 6_500].map(async (ms) => {
        const { socket, until } = wire(port, placing('Content-Length: 10') + '{"wait"');
        await delay(ms); // past wait + 5 s, or nearly
        socket.write(':1}');
        const text = await until(/\r\n\r\n[^]*\}/);
        socket.destroy();
        return text;
      }),
    );
    setup.roles.reset();
    expect(texts.map(statusIn)).toEqual([202, 202]);
    for (const text of texts) expect(text).toContain(orderReference);
    expect(waits).toHaveLength(2);
    for (const ms of waits) expect(ms).toBeLessThanOrEqual(1_000);
  });
});

describe('a client that falls silent', () => {
  // by the real limits, all at once: 10 s for the head, 30 s for the body
  it('is answered 408 where its body does not come, and closed where its head does not', async () => {
    const idle = wire(port, placing('Content-Length: 2'));
    const trickling = wire(port, placing('Transfer-Encoding: chunked'));
    const sending = setInterval(() => trickling.socket.write('1\r\n \r\n'), 1_000);
    const headless = wire(port, `POST /v1/order HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n`);
    const refused = wire(port, `POST /v1/order HTTP/1.1\r\nHost: x\r\n${json}\r\nContent-Length: 2\r\n\r\n`);
    const texts = await Promise.all([idle.closed, trickling.closed, headless.closed]);
    clearInterval(sending);
    expect(texts.map(statusIn)).toEqual([408, 408, 408]);
    for (const text of texts) expect(text).toMatch(/\r\nConnection: close\r\n/i);
    for (const text of texts.slice(0, 2)) expect(text).toContain('"code":"request_invalid"');
    expect(await refused.closed).toMatch(/^HTTP\/1\.1 401 /); // its body was to be thrown away, and never came
  });
});

describe('a connection', () => {
  it('is closed with a refusal of its client: kept, it would cost it nothing', async () => {
    const stranger = 'GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n';
    const text = await wire(port, `${stranger}${head('GET /health/live', 'Host: x')}`).closed;
    expect(statusIn(text)).toBe(401); // what follows it isn't answered
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
    const placed = setup.roles.seen.length;
    const order = `${placing('Content-Length: 2')}{}`;
    expect(statusIn(await wire(port, `${stranger}${order}`).closed)).toBe(401);
    expect(setup.roles.seen).toHaveLength(placed);
    const strict = await startSetup({ rateLimitPerMinute: 1, access: 'standalone' });
    try {
      const own = strict.gateway.port;
      const foreign = 'GET /v1/status HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n';
      expect(statusIn(await wire(own, foreign).closed)).toBe(403);
      expect(statusIn(await wire(own, foreign).closed)).toBe(429);
    } finally {
      await strict.stop();
    }
  });

  it('is one of as many as its client may have, and has room again when another has gone', async () => {
    const few = await startSetup({ connections: { max: 100, perClient: 3 } });
    try {
      const own = few.gateway.port;
      const live = head('GET /health/live', 'Host: x');
      const kept = Array.from({ length: 3 }, () => wire(own, live));
      for (const { until } of kept) await until(/"ok"/);
      expect(await wire(own, live).closed).toBe('');
      expect(few.log()).toContain('connections beyond the limit');
      kept[0]?.socket.destroy();
      for (let text = ''; !text.includes('"ok"');) ({ text } = await ask(own, live).catch(() => ({ text: '' })));
      for (const { socket } of kept) socket.destroy();
    } finally {
      await few.stop();
    }
  });

  it('is counted for the proxy where clients come by one, and of all there is a limit', async () => {
    const few = await startSetup({ connections: { max: 5, perClient: 3 }, trustProxyHops: 1 });
    try {
      const live = head('GET /health/live', 'Host: x');
      const kept = Array.from({ length: 5 }, () => wire(few.gateway.port, live));
      for (const { until } of kept) await until(/"ok"/);
      expect(await wire(few.gateway.port, live).closed).toBe('');
      expect(few.log()).toContain('connections beyond the limit');
      for (const { socket } of kept) socket.destroy();
    } finally {
      await few.stop();
    }
  });
});

describe('an authority', () => {
  it.each([
    ['twice', head('GET /v1/status', 'Host: x', 'Host: y')],
    ['twice the same', head('GET /v1/status', 'Host: x', 'host: x')],
    ['in the target and another in Host', head('GET http://elsewhere.example/v1/status', 'Host: x')],
    ['in the target with a user', head('GET http://me@x/v1/status', 'Host: x')],
    ['of another port', head('GET http://x:81/v1/status', 'Host: x')],
    ['of another scheme', head('GET ftp://x/v1/status', 'Host: x')],
    ['without a path', head('OPTIONS *', 'Host: x')],
    ['never', head('GET /v1/status')],
  ])('given %s is refused', async (_, request) => {
    const { status, text } = await ask(port, request);
    expect(status).toBe(400);
    expect(setup.roles.seen.map(({ call }) => call)).not.toContain('status');
    if (request.includes('Host')) expect(text).toContain('"code":"request_invalid"');
  });

  it('may stand in the target where Host says the same (RFC 9112, 3.2.2)', async () => {
    expect((await ask(port, head('GET http://X/health/live', 'Host: x'))).status).toBe(200);
  });

  it.each(['Authorization: Bearer other', 'Content-Type: text/plain', 'Idempotency-Key: b', 'Origin: http://x'])(
    'is not the only header that may stand once alone: %s',
    async (line) => {
      const [name = ''] = line.split(':');
      const once = name === 'Authorization' || name === 'Content-Type' ? [] : [`${name}: a`];
      const { status, code, text } = await ask(port, `${placing(...once, line, 'Content-Length: 2')}{}`);
      expect({ status, code }).toEqual({ status: 400, code: 'request_invalid' });
      expect(text).toContain(name);
    },
  );

  it('is of this machine in the standalone node, in whatever form', async () => {
    const standalone = await startSetup({ access: 'standalone' });
    try {
      const own = standalone.gateway.port;
      for (const request of [
        head('GET http://elsewhere.example/v1/status', 'Host: localhost'),
        head('GET /v1/status', 'Host: localhost', 'Host: elsewhere.example'),
      ]) {
        expect(await ask(own, request)).toMatchObject({ status: 400, code: 'request_invalid' });
      }
      const foreign = head('GET http://elsewhere.example/v1/status', 'Host: elsewhere.example');
      expect(await ask(own, foreign)).toMatchObject({ status: 403, code: 'forbidden' });
    } finally {
      await standalone.stop();
    }
  });
});

describe('a path', () => {
  it.each([
    '/V1/status',
    '/v1/Status',
    '/v1/status/',
    '/v1/order/',
    '/health/Live',
    '/health/live/',
    '//v1/status',
    '/Docs',
  ])('is another one as %s', async (path) => {
    expect(await ask(port, head(`GET ${path}`, 'Host: x'))).toMatchObject({ status: 404, code: 'not_found' });
  });

  it('of the documentation may end in a slash, since its pages lie below it', async () => {
    for (const path of ['/docs', '/docs/']) expect((await ask(port, head(`GET ${path}`, 'Host: x'))).status).toBe(200);
  });

  it.each([
    ['GET /v1/order/secret', 'POST'],
    ['GET /v1/fulfill/order', 'POST'],
    ['PUT /v1/order', 'POST, GET, HEAD'],
    ['OPTIONS /v1/order/secret', 'POST'],
    [`PATCH /v1/order/${orderReference}/secret`, 'GET, HEAD, POST'],
    ['POST /v1/status', 'GET, HEAD'],
    ['POST /openapi.json', 'GET, HEAD'],
    ['POST /docs', 'GET, HEAD'],
    ['DELETE /health/ready', 'GET, HEAD'],
  ])('says what it takes: %s', async (start, methods) => {
    const { status, code, text } = await ask(port, head(start, 'Host: x', 'Content-Length: 0'));
    expect({ status, code }).toEqual({ status: 405, code: 'request_invalid' });
    expect(text).toContain(`\r\nAllow: ${methods}\r\n`);
  });

  it('says so before it looks at the body', async () => {
    const request = head('PUT /v1/order', 'Host: x', 'Content-Type: text/plain', 'Content-Length: 3');
    expect((await ask(port, `${request}{"a`)).status).toBe(405);
  });
});

describe('a query', () => {
  it.each([
    ['GET', '/v1/order?perpage=5', 'perpage'],
    ['GET', '/v1/status?verbose=1', 'verbose'],
    ['GET', '/v1/identity?roles=principal', 'roles'],
    ['GET', '/v1/log/head?node=x', 'node'],
    ['GET', `/v1/order/${orderReference}?page=1`, 'page'],
    ['POST', '/v1/order?wait=5', 'wait'],
  ])('names a parameter that is not known: %s %s', async (method, path, name) => {
    const before = setup.roles.seen.length;
    const answer = await setup.http(path, method === 'POST' ? { json: {} } : {});
    expect(answer).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
    expect(answer.body['errors']).toEqual([{ path: name, message: 'is not a known field' }]);
    expect(setup.roles.seen).toHaveLength(before);
  });
});
