import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { send, startSetup, type Setup } from './http.js';

let setup: Setup;
beforeAll(async () => {
  setup = await startSetup();
});
afterAll(() => setup.stop());

/** As the browsers in use send it. */
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
/** Without a token, as a person comes. */
const get = (path: string, accept?: string) =>
  send(setup.gateway.port, path, accept === undefined ? {} : { headers: { accept } });

describe('GET /', () => {
  it('gives a person a page whose links lead somewhere', async () => {
    const { status, headers, text } = await get('/', browser);
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/html; charset=utf-8/);
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, path = '']) => path);
    expect(links).toEqual(expect.arrayContaining(['/docs', '/v1/status', '/readme']));
    for (const path of links) expect((await get(path, browser)).status).toBe(path === '/v1/status' ? 401 : 200);
    expect(text).toContain('bearer token');
  });

  it('lets the page run nothing and load nothing, and its own style pass', async () => {
    const { headers, text } = await get('/', browser);
    expect(text).not.toMatch(/<script|\son\w+=|\sstyle=|\ssrc=/);
    const [, style = ''] = /<style>([^<]*)<\/style>/.exec(text) ?? [];
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it.each([undefined, '*/*', 'application/json'])('gives a program JSON (Accept: %s)', async (accept) => {
    const { status, headers, body } = await get('/', accept);
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(headers['vary']).toMatch(/accept/i);
    expect(body).toEqual({
      ...{ application: 'D-TA', docs: '/docs', openapi: '/openapi.json', status: '/v1/status' },
      ...{ health: '/health/ready', readme: '/readme' },
    });
  });
});

describe('GET /readme', () => {
  it('is the README as text', async () => {
    const { status, headers, text } = await get('/readme', browser);
    expect(status).toBe(200);
    expect(headers['content-type']).toMatch(/^text\/plain; charset=utf-8/);
    expect(text).toMatch(/^# D-TA\n/);
  });
});

describe('the standalone node', () => {
  it('says on its page that it is for trying out, and gives it to its own machine alone', async () => {
    const own = await startSetup({ access: 'standalone' });
    try {
      const { text } = await own.http('/', { headers: { accept: browser } });
      expect(text).toContain('for trying out');
      expect(text).not.toContain('bearer token');
      const foreign = await own.http('/', { headers: { accept: browser, host: 'example.org' } });
      expect(foreign.status).toBe(403);
    } finally {
      await own.stop();
    }
  });
});
