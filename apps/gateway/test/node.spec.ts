import { Agent, request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openApiDocument } from '@dta/contracts/rest';
import { DtaError } from '@dta/errors';
import { beneficiary, cid, fiduciary, progress, principal, pluginOf } from './fake-roles.js';
import { readinessWith, send, startSetup, type Setup } from './http.js';

let setup: Setup;
beforeAll(async () => {
  setup = await startSetup({ access: 'standalone' });
});
afterAll(() => setup.stop());
afterEach(() => setup.roles.reset());

/** How each role answered: `ok` where nothing else is said. */
const outcomesOf = (codes: Record<string, string>) =>
  Object.entries({ principal, beneficiary, fiduciary }).map(([role, { node }]) => {
    const code = codes[role] ?? 'ok';
    return { role, nodeCID: node, code, detail: code === 'ok' ? null : expect.any(String) };
  });

describe('GET /v1/status', () => {
  it("answers in the original's form, and of each role", async () => {
    const { status, body } = await setup.http('/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ application: 'Milagro Distributed Trust', apiVersion: 'v1', nodeCID: principal.node },
      ...{ extensionVendor: 'Milagro', plugin: 'milagro', plugins: ['milagro', 'other'], nodeType: 'multi' },
    });
    expect(Date.parse(String(body['timeStamp']))).toBeGreaterThan(Date.now() - 10_000);
    expect(body['roles']).toEqual(
      [principal, beneficiary, fiduciary].map(({ node }, i) => ({
        ...{ role: ['principal', 'beneficiary', 'fiduciary'][i], name: ['principal', 'beneficiary', 'fiduciary'][i] },
        ...{ nodeCID: node, custody: 'software', custodyErases: false, ready: true },
      })),
    );
    expect(body['warnings']).toEqual([expect.stringContaining('no operator'), expect.stringContaining('key file')]);
  });

  it('says which role is away', async () => {
    setup.roles.answers.status = (_, role) => {
      if (role === 'fiduciary') throw new DtaError('service_unavailable', 'no database');
      return {
        nodeCID: principal.node,
        role,
        name: role,
        extensionVendor: '',
        plugin: '',
        plugins: [],
        custody: 'hsm',
        custodyErases: true,
        ready: true,
        parts: {},
        degraded: {},
      };
    };
    const { status, body } = await setup.http('/v1/status');
    expect(status).toBe(200);
    expect(body['roles']).toContainEqual({
      ...{ role: 'fiduciary', nodeCID: fiduciary.node, name: null, custody: null, custodyErases: null, ready: false },
    });
    expect(body['warnings']).toEqual([expect.stringContaining('no operator')]);
  });
});

it('tells the status of the others, under its own name, while the principal is away', async () => {
  const other = await startSetup({ access: 'standalone' });
  try {
    await other.roles.leave('principal');
    const { status, body } = await other.http('/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({ nodeCID: principal.node, plugins: ['milagro', 'other'], nodeType: 'multi' });
    expect(body['roles']).toMatchObject([{ ready: false }, { ready: true }, { ready: true }]);
  } finally {
    await other.stop();
  }
});

describe('GET /v1/log/head', () => {
  const segment = (role: string) => cid(`head of ${role}`);

  it('tells the head of each role, or of one', async () => {
    const { status, body } = await setup.http('/v1/log/head');
    expect(status).toBe(200);
    expect(body['heads']).toEqual(
      Object.entries({ principal, beneficiary, fiduciary }).map(([role, { node }]) => ({
        ...{ role, nodeCID: node, head: { seq: 3, segment: segment(role) } },
      })),
    );
    const one = await setup.http('/v1/log/head?role=fiduciary');
    expect(one.body['heads']).toEqual([
      { role: 'fiduciary', nodeCID: fiduciary.node, head: { seq: 3, segment: segment('fiduciary') } },
    ]);
    expect((await setup.http('/v1/log/head?role=king')).status).toBe(400);
  });

  it('says that a log is empty, and names a role that is away beside the heads of the others', async () => {
    setup.roles.answers['log-head'] = (_, role) => {
      if (role === 'beneficiary') throw new DtaError('service_unavailable', 'no database');
      return { role, nodeCID: principal.node, head: null };
    };
    const { body } = await setup.http('/v1/log/head?role=principal');
    expect(body['heads']).toEqual([{ role: 'principal', nodeCID: principal.node, head: null }]);
    const all = await setup.http('/v1/log/head');
    expect(all).toMatchObject({ status: 207, body: { outcomes: outcomesOf({ beneficiary: 'service_unavailable' }) } });
    expect(all.body['heads']).toHaveLength(2);
    expect((await setup.http('/v1/log/head?role=beneficiary')).status).toBe(503);
    expect((await setup.http('/v1/log/head?role=fiduciary')).status).toBe(200);
  });
});

describe('identities', () => {
  it('lists those of all roles, each once', async () => {
    setup.roles.answers['list-identities'] = ({ params }, role) => {
      expect(params.role).toBe('principal');
      return {
        identities: [{ idDocumentCID: principal.node, name: 'p', roles: ['principal'], own: role === 'principal' }],
      };
    };
    const { status, body } = await setup.http('/v1/identity?role=principal');
    expect(status).toBe(200);
    expect(body).toEqual({
      identities: [{ idDocumentCID: principal.node, name: 'p', roles: ['principal'], own: true }],
      outcomes: outcomesOf({}),
    });
    expect((await setup.http('/v1/identity?role=king')).status).toBe(400);
  });

  it('shows one that a role knows, admitted only where all do', async () => {
    const { status, body } = await setup.http(`/v1/identity/${fiduciary.node}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ idDocumentCID: fiduciary.node, name: 'fiduciary', roles: ['fiduciary'], own: true, admitted: false },
      ...{ standing: 'sound', document: 'AQID', prev: null },
      keys: { sign: '00'.repeat(32), kem: '00'.repeat(1216) },
      outcomes: outcomesOf({ principal: 'identity_not_found', beneficiary: 'identity_not_found' }),
    });
  });

  it.each([
    ['revoked', { principal: 'sound', beneficiary: 'frozen', fiduciary: 'revoked' }],
    ['revoked', { principal: 'frozen', beneficiary: 'revoked', fiduciary: 'sound' }],
    ['frozen', { principal: 'sound', beneficiary: 'sound', fiduciary: 'frozen' }],
    ['sound', { principal: 'sound', beneficiary: 'sound', fiduciary: 'sound' }],
  ] as const)('shows one as %s where that is the worst that a role knows of it', async (worst, known) => {
    setup.roles.answers['get-identity'] = (_, role) => ({
      ...{ idDocumentCID: cid('one'), name: 'one', roles: ['principal'], own: false, admitted: true },
      ...{ standing: known[role], document: Uint8Array.of(1), prev: null },
      keys: { sign: new Uint8Array(32), kem: new Uint8Array(1216) },
    });
    expect((await setup.http(`/v1/identity/${cid('one')}`)).body['standing']).toBe(worst);
  });

  it('lists and shows those of the roles that answer, and names the one that is away', async () => {
    const other = await startSetup({ access: 'standalone' });
    try {
      await other.roles.leave('fiduciary');
      const outcomes = [
        ...outcomesOf({}).slice(0, 2),
        {
          ...{ role: 'fiduciary', nodeCID: fiduciary.node },
          code: 'service_unavailable',
          detail: 'the fiduciary is away',
        },
      ];
      const listed = await other.http('/v1/identity');
      expect(listed).toMatchObject({ status: 207, body: { outcomes } });
      expect(listed.body['identities']).toHaveLength(2);
      other.roles.answers['get-identity'] = (_, role) => ({
        ...{ idDocumentCID: cid('one'), name: role, roles: ['principal'], own: false, admitted: true },
        ...{ standing: 'sound', document: Uint8Array.of(1), prev: null },
        keys: { sign: new Uint8Array(32), kem: new Uint8Array(1216) },
      });
      // admitted is not known of the fiduciary
      expect(await other.http(`/v1/identity/${cid('one')}`)).toMatchObject({
        ...{ status: 207, body: { admitted: false, outcomes } },
      });
      expect(await other.http('/v1/identity', { json: { document: 'AQID' } })).toMatchObject({
        ...{ status: 207, body: { idDocumentCID: cid('admitted'), outcomes } },
      });
    } finally {
      await other.stop();
    }
  });

  it('says which role refused what the others noted, and nothing of what is internal', async () => {
    setup.roles.answers['admit-identity'] = (_, role) => {
      if (role === 'principal') return { idDocumentCID: cid('admitted') };
      throw role === 'fiduciary'
        ? new DtaError('identity_invalid', 'no successor of it')
        : new Error('at /home/secret');
    };
    const { status, body, text } = await setup.http('/v1/identity', { json: { document: 'AQID' } });
    expect(status).toBe(207);
    expect(body).toMatchObject({ outcomes: outcomesOf({ beneficiary: 'internal', fiduciary: 'identity_invalid' }) });
    expect(text).toContain('no successor of it');
    expect(text).not.toContain('/home/secret');
  });

  it('does not know one that no role knows', async () => {
    expect(await setup.http(`/v1/identity/${cid('stranger')}`)).toMatchObject({
      ...{ status: 404, body: { code: 'identity_not_found' } },
    });
  });

  it('does not call one unknown while a role is away', async () => {
    setup.roles.answers['get-identity'] = (_, role) => {
      throw new DtaError(role === 'fiduciary' ? 'service_unavailable' : 'identity_not_found', 'x');
    };
    expect((await setup.http(`/v1/identity/${cid('stranger')}`)).status).toBe(503);
  });

  it('admits one at every role', async () => {
    const { status, body } = await setup.http('/v1/identity', { json: { document: 'AQID' } });
    expect(status).toBe(200);
    expect(body).toEqual({ idDocumentCID: cid('admitted'), outcomes: outcomesOf({}) });
    expect(setup.roles.seen.map(({ role }) => role).sort()).toEqual(['beneficiary', 'fiduciary', 'principal']);
    expect(setup.roles.seen[0]?.served.params).toEqual({ documents: [Uint8Array.of(1, 2, 3)], idDocumentCID: null });
    const byCid = await setup.http('/v1/identity', { json: { idDocumentCID: cid('admitted') } });
    expect(byCid.status).toBe(200);
    setup.roles.seen.length = 0;
    expect((await setup.http('/v1/identity', { json: { documents: ['AQID', 'BA=='] } })).status).toBe(200);
    const documents = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
    expect(setup.roles.seen[0]?.served.params).toEqual({ documents, idDocumentCID: null });
  });

  it('tells a refusal before a silence where none took it', async () => {
    setup.roles.answers['admit-identity'] = (_, role) => {
      throw new DtaError(role === 'fiduciary' ? 'identity_invalid' : 'service_unavailable', `of the ${role}`);
    };
    expect(await setup.http('/v1/identity', { json: { document: 'AQID' } })).toMatchObject({
      ...{ status: 422, body: { code: 'identity_invalid', detail: 'of the fiduciary' } },
    });
  });

  it.each<[object]>([
    [{}],
    [{ Name: 'AA' }],
    [{ document: '!' }],
    [{ document: 'A'.repeat(30_000) }],
    [{ documents: [] }],
    [{ documents: ['!'] }],
    [{ documents: Array.from({ length: 33 }, () => 'AQID') }],
    [{ document: 'AQID', documents: ['AQID'] }],
  ])('refuses %j', async (json) => {
    expect((await setup.http('/v1/identity', { json })).status).toBe(400);
  });
});

it.each(['/v1/fulfill/order', '/v1/fulfill/order/secret'])('POST %s has moved', async (path) => {
  expect(await setup.http(path, { json: { orderPart1CID: 'x' } })).toMatchObject({
    ...{ status: 410, body: { code: 'moved_to_nats', detail: expect.stringContaining('docs/protocol.md') } },
  });
});

describe('documentation', () => {
  it('asks for a token where the gateway does, and for none in the standalone node', async () => {
    const guarded = await startSetup();
    try {
      expect((await guarded.http('/openapi.json')).body).toMatchObject({
        security: [{ bearer: [] }],
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      });
    } finally {
      await guarded.stop();
    }
    for (const path of ['/openapi.json', '/docs/swagger-ui-init.js']) {
      const { status, text } = await setup.http(path);
      expect(status).toBe(200);
      expect(text).toContain('"operationId"');
      expect(text).not.toMatch(/"bearer"|"security|"description":\s*"[^"]*unauthenticated/);
    }
  });

  it("is the document of the table, with the extensions of the node's plugins", async () => {
    const { status, body } = await setup.http('/openapi.json');
    expect(status).toBe(200);
    const plugins = [pluginOf('milagro'), pluginOf('other')];
    expect(body).toEqual(JSON.parse(JSON.stringify(openApiDocument(plugins, { asksToken: false }))));
    expect(body).toMatchObject({
      components: {
        schemas: {
          OrderRequest: {
            properties: {
              plugin: { enum: ['milagro', 'other'], default: 'milagro' },
              extension: {
                anyOf: ['milagro', 'other'].map((name) => ({ $ref: `#/components/schemas/plugin.${name}.order` })),
              },
            },
          },
          'plugin.other.redeemed': { type: 'object', description: 'redeemed of other' },
        },
      },
    });
  });

  it('is browsable from our own files alone, with no script in the page', async () => {
    const page = await setup.http('/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const sources = [...page.text.matchAll(/<script([^>]*)>([^<]*)/g)];
    expect(sources.length).toBeGreaterThan(2);
    for (const [, attributes, inline] of sources) {
      expect(inline?.trim()).toBe('');
      const source = /src="([^"]+)"/.exec(attributes ?? '')?.[1] ?? '';
      expect(source).not.toContain('//');
      expect((await setup.http(new URL(source, 'http://x/docs').pathname)).status).toBe(200);
    }
    const { text } = await setup.http('/docs/swagger-ui-init.js');
    for (const name of ['placeOrder', 'plugin.other.order']) expect(text).toContain(name);
  });
});

describe('health', () => {
  it('is ready while every role is', async () => {
    expect((await setup.http('/health/live')).body).toEqual({ status: 'ok' });
    const { status, body } = await setup.http('/health/ready');
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ ready: true, degraded: {} },
      parts: {
        ...{ process: 'up', memory: 'up', principal: 'up', beneficiary: 'up' },
        [`fiduciary ${fiduciary.node}`]: 'up',
      },
    });
  });

  it('says that it has no connection', async () => {
    const other = await startSetup({ access: 'standalone' });
    await other.roles.transport.close();
    const { status, body } = await other.http('/health/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({ parts: { memory: 'away (service_unavailable)', principal: 'away' } });
    await other.stop();
  });

  const usual = {
    ...{ nodeCID: principal.node, name: '', extensionVendor: '', plugin: '', plugins: [] },
    ...{ custody: '', custodyErases: true },
  };
  const works = { ready: true, parts: {}, degraded: {} };

  it('names the part of its main role that is away, and what is away without which orders go on', async () => {
    const other = await startSetup({ access: 'standalone' });
    other.roles.answers.status = (_, role) => {
      const parts = { nats: 'up', postgres: role === 'principal' ? 'away (timeout)' : 'up' };
      const degraded: Record<string, string> = role === 'beneficiary' ? { store: 'away (service_unavailable)' } : {};
      return { ...usual, role, ready: role !== 'principal', parts, degraded };
    };
    try {
      const { status, body } = await other.http('/health/ready');
      expect(status).toBe(503);
      expect(body).toMatchObject({
        parts: { principal: 'not ready: postgres away (timeout)', beneficiary: 'up' },
        degraded: { 'beneficiary: store': 'away (service_unavailable)' },
      });
      other.roles.answers.status = (_, role) => ({
        ...{ ...usual, role, ready: true, parts: { postgres: 'up' } },
        degraded: { store: 'away (service_unavailable)' },
      });
      await readinessWith(other, ({ status: now }) => now === 200);
    } finally {
      await other.stop();
    }
  });

  it('is ready without its fiduciary and its beneficiary, and names them: orders are of other parties too', async () => {
    const other = await startSetup({ access: 'standalone' });
    try {
      await other.roles.leave('fiduciary');
      expect(await other.http('/health/ready')).toMatchObject({
        status: 200,
        body: {
          ready: true,
          parts: { process: 'up', memory: 'up', principal: 'up', beneficiary: 'up' },
          degraded: { [`fiduciary ${fiduciary.node}`]: 'away' },
        },
      });
      await other.roles.leave('beneficiary');
      const later = await readinessWith(other, ({ text }) => text.includes('"beneficiary":"away"'));
      expect(later).toMatchObject({ status: 200, body: { degraded: { beneficiary: 'away' } } });
    } finally {
      await other.stop();
    }
  });

  it('is not ready without its principal, and names it', async () => {
    const other = await startSetup({ access: 'standalone' });
    try {
      await other.roles.leave('principal');
      const { status, body } = await other.http('/health/ready');
      expect(status).toBe(503);
      expect(body).toMatchObject({ ready: false, parts: { principal: 'away', beneficiary: 'up' }, degraded: {} });
      expect((await other.http('/health/live')).status).toBe(200);
      expect(await other.http('/v1/order', { json: {} })).toMatchObject({
        ...{ status: 503, body: { code: 'service_unavailable', detail: 'the principal is away' } },
        headers: { 'retry-after': '1' },
      });
    } finally {
      await other.stop();
    }
  });

  it('is ready while its principal has as much work as it takes: another gateway would change nothing', async () => {
    const other = await startSetup({ access: 'standalone' });
    other.roles.busy.add('principal');
    try {
      expect(await other.http('/health/ready')).toMatchObject({
        status: 200,
        body: { degraded: { principal: 'busy' } },
      });
    } finally {
      await other.stop();
    }
  });

  it.each([
    ['that answer', (): void => undefined],
    ['that are as busy as they can be', (other: Setup) => void other.roles.busy.add('principal').add('beneficiary')],
    [
      'that have no plugin',
      (other: Setup) => (other.roles.answers.status = (_, role) => ({ ...usual, role, ...works })),
    ],
  ])('asks roles %s once a second at most, however many ask it and for what is public', async (_, become) => {
    const other = await startSetup();
    become(other);
    const begun = performance.now();
    const paths = ['/health/ready', '/openapi.json', '/docs/swagger-ui-init.js'];
    try {
      await Promise.all(Array.from({ length: 20 }, () => paths.map((path) => send(other.gateway.port, path))).flat());
      for (const path of paths) expect((await send(other.gateway.port, path)).status).toBe(200);
      const seconds = Math.ceil((performance.now() - begun) / 1000);
      const asked = other.roles.seen.filter(({ call, role }) => call === 'status' && role === 'fiduciary');
      expect(asked.length).toBeLessThanOrEqual(seconds);
    } finally {
      await other.stop();
    }
  });

  it('of fiduciaries alone is ready while one of them is', async () => {
    const gone = { node: cid('another fiduciary'), psk: new Uint8Array(32).fill(4) };
    const fiduciaries = [gone, fiduciary];
    const other = await startSetup({ access: 'standalone', principal: null, beneficiary: null, fiduciaries });
    try {
      const [there, away] = [`fiduciary ${fiduciary.node}`, `fiduciary ${gone.node}`];
      expect(await other.http('/health/ready')).toMatchObject({
        ...{ status: 200, body: { parts: { [there]: 'up' }, degraded: { [away]: 'away' } } },
      });
      await other.roles.leave('fiduciary');
      expect(await readinessWith(other, ({ status }) => status === 503)).toMatchObject({
        ...{ status: 503, body: { parts: { [there]: 'away', [away]: 'away' }, degraded: {} } },
      });
    } finally {
      await other.stop();
    }
  });
});

describe('a gateway', () => {
  it('of one role says so, and has none of the others', async () => {
    const other = await startSetup({ access: 'standalone', principal: null, fiduciaries: [] });
    try {
      expect((await other.http('/v1/status')).body).toMatchObject({
        nodeType: 'beneficiary',
        nodeCID: beneficiary.node,
      });
      expect(await other.http('/v1/order', { json: {} })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    } finally {
      await other.stop();
    }
  });

  it('whose key a role does not know gets nothing, and says no more than that the role is away', async () => {
    const other = await startSetup({ principal: { ...principal, psk: new Uint8Array(32) } });
    try {
      const answer = await other.http('/v1/order', { json: {} });
      expect(answer).toMatchObject({
        status: 503,
        body: { code: 'service_unavailable', detail: 'the principal is away' },
      });
      expect(other.roles.seen).toEqual([]);
      expect(other.log()).toContain('unauthenticated');
    } finally {
      await other.stop();
    }
  });

  it('that is told to stop answers what it has begun, and then no more', async () => {
    const other = await startSetup({ access: 'standalone' });
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    other.roles.answers['principal.get-order'] = async () => {
      await held;
      throw new DtaError('order_not_found', 'late, but answered');
    };
    const inFlight = other.http(`/v1/order/${cid('order')}`);
    while (other.roles.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = other.gateway.stop();
    await expect(send(other.gateway.port, '/health/live')).rejects.toThrow('ECONNREFUSED');
    release();
    expect((await inFlight).body['detail']).toBe('late, but answered');
    await stopped;
    await other.roles.close();
  });

  it('that stops does not wait for a client that keeps its connection', async () => {
    const other = await startSetup({ access: 'standalone' });
    await new Promise<void>((resolve) => {
      request(
        { host: '127.0.0.1', port: other.gateway.port, path: '/health/live', agent: new Agent({ keepAlive: true }) },
        (r) => r.resume().on('end', resolve),
      ).end();
    });
    const begun = Date.now();
    await other.stop();
    expect(Date.now() - begun).toBeLessThan(15_000); // a connection is kept for longer
  });

  it('that stops before its roles are there ends in order', async () => {
    const other = await startSetup({ access: 'standalone' });
    await other.roles.leave('principal');
    await other.stop();
    await expect(other.http('/health/live')).rejects.toThrow('ECONNREFUSED');
  });
});

it('a request is answered within its wait and 5 s, whatever a role does', async () => {
  setup.roles.answers['principal.get-order'] = () => new Promise(() => undefined);
  setup.roles.answers['principal.place-order'] = () => progress({ state: 'requested' });
  setup.roles.answers['principal.await-order'] = () => new Promise(() => undefined);
  const took: number[] = []; // a machine may sleep through one of three
  while (took.length < 3 && !took.some((ms) => ms < 6_000)) {
    const begun = Date.now();
    const [got, placed] = await Promise.all([
      setup.http(`/v1/order/${cid('order')}`),
      setup.http('/v1/order', { json: { wait: 1 } }),
    ]);
    took.push(Date.now() - begun);
    expect(got).toMatchObject({
      status: 504,
      body: { code: 'timeout', detail: 'the principal did not answer in time' },
    });
    expect(placed.status).toBe(202);
  }
  expect(Math.min(...took)).toBeLessThan(6_000);
});
