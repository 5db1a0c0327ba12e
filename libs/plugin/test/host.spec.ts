import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { toDtaError } from '@dta/errors';
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openPlugins, type Plugins } from '../src/host/index.js';
import { facts, limits } from './limits.js';

jest.setTimeout(180_000);

const at = (name: string) => new URL(`plugins/${name}.js`, import.meta.url).href;
const answer = (plugins: Plugins, how: string) =>
  plugins.answerOrder('misbehaving', { ...facts, request: { how }, held: null });
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => ({ code: 'answered', message: '' }),
    (error: unknown) => toDtaError(error),
  );

describe('a plugin that', () => {
  let plugins: Plugins;
  let impatient: Plugins;
  beforeAll(async () => {
    plugins = await openPlugins([at('misbehaving'), at('other')], limits);
    impatient = await openPlugins([at('misbehaving')], { ...limits, callMs: 1_500 });
  });
  afterAll(async () => {
    await plugins.close();
    await impatient.close();
  });

  test('does well is answered, each hook with what it asks for', async () => {
    const placed = await plugins.placeOrder('misbehaving', { hold: 'kept back' });
    expect(placed).toEqual({ request: { how: 'well' }, held: new Uint8Array(Buffer.from('kept back')) });
    expect(await answer(plugins, 'well')).toEqual({ done: true });
    const secret = new Uint8Array(32).fill(7);
    const redeemed = await plugins.answerRedemption('misbehaving', {
      ...facts,
      redemption: { reason: 'mine' },
      secret,
    });
    expect(redeemed).toEqual({ reason: 'mine', bytes: ['07'.repeat(32), '09'.repeat(36), '02'.repeat(33)] });
    expect(secret).toEqual(new Uint8Array(32).fill(7)); // the caller's own stays
  });

  test('has no hooks accepts, and answers {}', async () => {
    expect(await plugins.placeOrder('other', { a: 1 })).toEqual({ request: {}, held: null });
    expect(await plugins.answerOrder('other', { ...facts, held: null })).toEqual({});
    await plugins.validateRedemption('other', { ...facts, redemption: { any: 'thing' } });
  });

  test('passes all through gives back what came, and never waits for a thread', async () => {
    const narrow = await openPlugins([at('pass-through'), at('other')], { ...limits, threads: 1, queued: 0 });
    const placeMany = (plugin: string) =>
      Promise.allSettled(Array.from({ length: 20 }, (_, n) => narrow.placeOrder(plugin, { n })));
    try {
      const placed = (await placeMany('pass-through')).map((one) => one.status === 'fulfilled' && one.value);
      expect(placed).toEqual(Array.from({ length: 20 }, (_, n) => ({ request: { n }, held: null })));
      expect((await placeMany('other')).filter(({ status }) => status === 'rejected')).not.toHaveLength(0);
      const order = { ...facts, request: { a: [1] } };
      expect(await narrow.answerOrder('pass-through', { ...order, held: null })).toEqual({ a: [1] });
      await narrow.validateRedemption('pass-through', { ...order, redemption: { b: 2 } });
      const redeemed = { ...order, redemption: { b: 2 }, secret: new Uint8Array(32) };
      expect(await narrow.answerRedemption('pass-through', redeemed)).toEqual({ a: [1] });
      const half = await errorOf(narrow.placeOrder('pass-through', { half: 0.5 }));
      expect(half).toMatchObject({ code: 'plugin_failed' });
    } finally {
      await narrow.close();
    }
  });

  test('refuses is answered in its own words, and one that refuses at length in 500 characters of them', async () => {
    expect(await errorOf(answer(plugins, 'refuses'))).toMatchObject({ code: 'plugin_refused', message: 'not today' });
    expect((await errorOf(answer(plugins, 'refuses at length'))).message).toHaveLength(500);
    expect(await errorOf(plugins.validateRedemption('misbehaving', { ...facts, redemption: {} }))).toMatchObject({
      ...{ code: 'plugin_refused', message: 'give a reason' },
    });
    const unasked = await errorOf(plugins.placeOrder('misbehaving', { how: 7 }));
    expect(unasked).toMatchObject({ code: 'plugin_refused', message: expect.stringContaining('extension.how: ') });
  });

  test.each([
    ['throws', 'plugin_failed', 'answerOrder failed'],
    ['throws no error', 'plugin_failed', 'answerOrder failed'],
    ['throws later', 'plugin_failed', 'its thread failed'],
    ['never answers', 'plugin_timeout', 'longer than 1500 ms'],
    ['never lets go', 'plugin_timeout', 'longer than 1500 ms'],
    ['waits in the system', 'plugin_timeout', 'longer than 1500 ms'],
    ['ends its thread', 'plugin_failed', 'its thread ended'],
    ['fills the heap', 'plugin_failed', 'more memory'],
    ['fills memory with bytes', 'plugin_failed', 'more memory'],
    ['answers text', 'plugin_failed', 'schema'],
    ['answers another schema', 'plugin_failed', 'schema'],
    ['answers too much', 'plugin_failed', 'more than 4096 bytes'],
    ['answers a fraction', 'plugin_failed', 'not whole'],
    ['answers half a pair', 'plugin_failed', 'half a surrogate pair'],
    ['answers half a pair as a name', 'plugin_failed', 'half a surrogate pair'],
    ['answers in circles', 'plugin_failed', 'no JSON'],
    ['answers too deep', 'plugin_failed', 'nested too deep'],
    ['writes to a closed place', 'plugin_failed', 'answerOrder failed'],
  ])('%s is %s, and works again after', async (how, code, message) => {
    const error = await errorOf(answer(code === 'plugin_timeout' ? impatient : plugins, how));
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(await answer(code === 'plugin_timeout' ? impatient : plugins, 'well')).toEqual({ done: true });
  });

  test.each([
    ['holds too much', 'more than 1024 bytes'],
    ['holds text', 'no bytes'],
  ])('%s back is plugin_failed', async (how, message) => {
    const error = await errorOf(plugins.placeOrder('misbehaving', { how }));
    expect(error).toMatchObject({ code: 'plugin_failed', message: expect.stringContaining(message) });
  });

  test('prints is not heard', async () => {
    const program = `
      import { openPlugins } from '${new URL('../src/host/index.js', import.meta.url).href}';
      const plugins = await openPlugins(['${at('misbehaving')}'], ${JSON.stringify(limits)});
      console.log(await plugins.answerOrder('misbehaving', { request: { how: 'prints' }, held: null }));
      await plugins.close();`;
    const args = ['--input-type=module', '-e', program];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
    expect([stdout, stderr]).toEqual(['{ done: true }\n', '']);
  });

  test('looks for the environment finds none', async () => {
    expect(await answer(plugins, 'tells of its environment')).toEqual({ done: true, more: 0 });
  });

  test('is not there is plugin_unknown', async () => {
    expect(await errorOf(plugins.placeOrder('missing', {}))).toMatchObject({ code: 'plugin_unknown' });
  });

  test('misbehaves in every way at once harms no call to another, nor one to itself that is well-behaved', async () => {
    const bad = ['throws', 'never answers', 'ends its thread', 'fills the heap', 'fills memory with bytes'];
    const both = await openPlugins([at('misbehaving'), at('other')], { ...limits, callMs: 4_000 });
    const failing = bad.map((how) => errorOf(answer(both, how)));
    const own = Array.from({ length: 10 }, () => answer(both, 'well'));
    const others = Array.from({ length: 40 }, (_, count) => both.placeOrder('other', { count }));
    expect(await Promise.all(others)).toHaveLength(40);
    expect(await Promise.all(own)).toEqual(own.map(() => ({ done: true })));
    for (const { code } of await Promise.all(failing)) expect(code).toMatch(/^plugin_(failed|timeout)$/);
    await both.close();
  });

  test('has more calls than it may have waiting answers the others busy', async () => {
    const narrow = await openPlugins([at('misbehaving')], {
      ...limits,
      callMs: 1_500,
      threads: 1,
      queued: 1,
      queueMs: 100,
    });
    const codes = await Promise.all(
      Array.from({ length: 3 }, () => errorOf(answer(narrow, 'never answers')).then(({ code }) => code)),
    );
    expect(codes.sort()).toEqual(['busy', 'busy', 'plugin_timeout']); // one too many, and one that waited too long
    await narrow.close();
    expect(await errorOf(answer(narrow, 'well'))).toMatchObject({ code: 'service_unavailable' });
  });
});

describe('at the start', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dta-plugin-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ['@dta/no-such-plugin', 'no-such-plugin'],
    ['./no/such/folder', 'holds no package'],
    ['of-version-2', 'API version 2'],
    ['no-plugin', 'no plugin'],
    ['broken', 'it has a bug'],
    ['pass-through-with-hook', 'without any hook'],
  ])('%s is refused in one sentence', async (name, reason) => {
    const source = /^[@.]/.test(name) ? name : at(name);
    const error = await errorOf(openPlugins([at('other'), source], limits));
    expect(error).toMatchObject({ code: 'start_failed', message: expect.stringContaining(reason) });
  });

  test('one that takes too long to load is refused', async () => {
    const error = await errorOf(openPlugins([at('endless')], { ...limits, startMs: 300 }));
    expect(error).toMatchObject({ code: 'start_failed', message: expect.stringContaining('longer than 300 ms') });
  });

  test('one that takes its time as a role starts is waited for, and what is waited for is told', async () => {
    const told: string[] = [];
    const slow = { sources: [at('slow'), at('other')], limits: { ...limits, loadMs: 1 } }; // which is for later threads
    const plugins = await openPlugins(slow.sources, slow.limits, { everyMs: 20, tell: (text) => told.push(text) });
    try {
      expect(plugins.descriptions.map(({ name }) => name)).toEqual(['slow', 'other']);
      expect(told.some((text) => text.includes(`waits for the plugin ${at('slow')} to load`))).toBe(true);
    } finally {
      await plugins.close();
    }
    const before = told.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(told).toHaveLength(before);
  });

  test('two of one name are refused', async () => {
    expect(await errorOf(openPlugins([at('other'), at('other')], limits))).toMatchObject({
      ...{ code: 'start_failed', message: expect.stringContaining('one name') },
    });
  });

  test.each([
    ['exports', { exports: { '.': { import: './lib/here.js' } } }, 'lib/here.js'],
    ['main', { main: 'lib/here.js' }, 'lib/here.js'],
    ['index.js', {}, 'index.js'],
  ])('a folder is loaded by its %s, and says its schemas', async (name, manifest, entry) => {
    const place = join(folder, name);
    await mkdir(join(place, 'lib'), { recursive: true });
    await writeFile(join(place, 'package.json'), JSON.stringify({ type: 'module', ...manifest }));
    await writeFile(join(place, entry), `export { default } from '${at('other')}';`);
    const plugins = await openPlugins([place], limits);
    expect(plugins.descriptions).toMatchObject([{ name: 'other', apiVersion: 1 }]);
    expect(JSON.parse(plugins.descriptions[0]?.schemas.order ?? '')).toMatchObject({ type: 'object' });
    await plugins.close();
  });
});
