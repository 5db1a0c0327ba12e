import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ascii } from '@dta/codec';
import { ed25519Verify } from '@dta/crypto';
import { checkToken, openPkcs11Custody, type Custody, type TokenOptions } from '@dta/custody';
import { freshToken, type SoftHsmToken } from '@dta/testkit';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFaultyModule, type Fault, type FaultyModule } from './faulty-module.js';
import { rawSession } from './raw-session.js';
import { refusal } from './refusal.js';

const context = ascii('context');
let folder: string;
let faulty: FaultyModule;
let sound: SoftHsmToken;
let token: TokenOptions;
let custody: Custody;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-custody-'));
  sound = await freshToken();
  faulty = await buildFaultyModule(folder, sound.module);
  token = { module: faulty.module, token: sound.token, pin: sound.pin };
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  custody = await openPkcs11Custody(token);
});
afterEach(async () => {
  await faulty.break(null);
  await custody.close();
});

describe('a token that hangs', () => {
  test('is custody_unavailable after 5 s, for who waits behind it too; Node works on; and then it goes on', async () => {
    await custody.seal('key', context, context);
    await faulty.break('hangs');
    const begin = performance.now();
    const refused = refusal('custody_unavailable', /took more than 5 s/);
    const asked = Array.from({ length: 5 }, () =>
      expect(custody.seal('key', context, context)).rejects.toThrow(refused),
    );
    // files and passphrases have a thread of their own left
    await rm(join(folder, 'nothing'), { force: true });
    expect(performance.now() - begin).toBeLessThan(4_000);
    await Promise.all(asked);
    expect(performance.now() - begin).toBeGreaterThan(4_900);
    await faulty.break(null);
    const sealed = await custody.seal('key', context, context);
    expect(await custody.open('key', context, sealed)).toEqual(context);
  });
});

test("a vendor's own error is custody_unavailable, and no more once it is over", async () => {
  await custody.seal('key', context, context);
  await faulty.break('vendor error');
  await expect(custody.seal('key', context, context)).rejects.toThrow(refusal('custody_unavailable'));
  await faulty.break(null);
  const sealed = await custody.seal('key', context, context);
  expect(await custody.open('key', context, sealed)).toEqual(context);
});

test.each<[Fault, string]>([
  ['stuck random', 'repetition count'],
  ['biased random', 'adaptive proportion'],
])('%s stops custody from giving any, by its %s test; sealing goes on', async (fault, found) => {
  await faulty.break(fault);
  const stopped = refusal('custody_unavailable', new RegExp(`health test \\(${found}\\)`));
  const draw = async () => {
    for (let blocks = 0; blocks < 50; blocks += 1) await custody.random(4_096); // a bias may show in the second only
  };
  await expect(draw()).rejects.toThrow(stopped);
  await faulty.break(null);
  await expect(custody.random(1)).rejects.toThrow(stopped);
  const sealed = await custody.seal('key', context, context);
  expect(await custody.open('key', context, sealed)).toEqual(context);
  const again = await openPkcs11Custody(token);
  await expect(again.random(32)).resolves.toHaveLength(32);
  await again.close();
});

test('a module without Ed25519 says so, and where the key goes instead', async () => {
  await faulty.break('no Ed25519');
  const sentence = /makes no Ed25519 key \(CKR_MECHANISM_INVALID\): keep the signing key in the key file/;
  await expect(custody.signing?.create()).rejects.toThrow(refusal('custody_unavailable', sentence));
});

test('a module that gives a public key without the DER around it is understood', async () => {
  await faulty.break('raw points');
  const key = await custody.signing?.create();
  const signature = (await key?.sign(context)) ?? new Uint8Array();
  expect(ed25519Verify(key?.publicKey ?? new Uint8Array(), context, signature)).toBe(true);
});

test('replicas at a module that misses a candidate now and then leave none behind', async () => {
  const others = await Promise.all(Array.from({ length: 3 }, () => openPkcs11Custody(token)));
  await faulty.break('misses candidates');
  const names = Array.from({ length: 6 }, (_, at) => `missed-${at}`);
  for (const name of names) {
    const sealed = await Promise.all([custody, ...others].map((one) => one.seal(name, context, context)));
    await faulty.break(null);
    for (const bytes of sealed) expect(await custody.open(name, context, bytes)).toEqual(context);
    await faulty.break('misses candidates');
  }
  await faulty.break(null);
  const raw = rawSession(sound);
  const left = names.flatMap((name) => raw.find(`dta/${name}/new`));
  raw.close();
  expect(left).toHaveLength(0);
  await Promise.all(others.map((one) => one.close()));
});

describe('the check of a token', () => {
  const lacking = async (): Promise<string[]> =>
    (await checkToken(token))
      .filter(({ works }) => !works)
      .map(({ ability, needed }) => `${needed ? '' : 'not needed: '}${ability}`);

  test('finds nothing to say of a sound one, and leaves nothing behind', async () => {
    const before = await custody.keys();
    expect(await lacking()).toEqual([]);
    expect(await custody.keys()).toEqual(before);
  });

  test.each<[Fault, string[]]>([
    ['ignores the context', ['refuses another context and altered bytes']],
    ['exports', ['refuses to give the key away']],
    ['stuck random', ['gives randomness that passes the health tests']],
    ['vendor error', ['seals and opens by AES-GCM', 'refuses another context and altered bytes']],
    ['no Ed25519', ["not needed: keeps a node's Ed25519 signing key"]],
  ])('finds that it %s', async (fault, expected) => {
    await faulty.break(fault);
    expect(await lacking()).toEqual(expected);
  });

  test('finds labels that stay as they are, and with them all that wants a settled key', async () => {
    await faulty.break('fixed labels');
    expect((await lacking())[0]).toBe('renames it, so that replicas agree on one');
  });

  test('ends at a login that fails', async () => {
    const checked = await checkToken({ ...token, token: 'no such token' });
    expect(checked).toEqual([
      { ability: 'logs in', needed: true, works: false, seen: expect.stringContaining('"no such token" is not there') },
    ]);
  });
});
