import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ascii, fromHex, toHex } from '@dta/codec';
import { ed25519Verify, randomBytes } from '@dta/crypto';
import { openPkcs11Custody, type Custody } from '@dta/custody';
import { custodyCompliance } from '@dta/custody/compliance';
import { isDtaError } from '@dta/errors';
import { freshToken, type SoftHsmToken } from '@dta/testkit';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pkcs11js from 'pkcs11js';
import { refusal } from './refusal.js';
import { rawSession, type RawSession } from './raw-session.js';

const context = ascii('context');
let token: SoftHsmToken;
const opened: Custody[] = [];
const open = async (): Promise<Custody> => {
  const custody = await openPkcs11Custody(token);
  opened.push(custody);
  return custody;
};

beforeAll(async () => {
  token = await freshToken();
});
afterEach(() => Promise.all(opened.splice(0).map((custody) => custody.close())));

describe('compliance of custody by PKCS#11, on SoftHSM', () => {
  for (const { name, run } of custodyCompliance)
    test(name, () => run((beforeKey) => openPkcs11Custody(token, beforeKey)));
});

test('erases for certain, and seals as 0x02 ‖ CKA_ID [16] ‖ iv [12] ‖ ciphertext ‖ tag [16]', async () => {
  const custody = await open();
  expect([custody.kind, custody.erasesForCertain]).toEqual(['pkcs11', true]);
  const sealed = await custody.seal('form', context, new Uint8Array(5));
  expect(sealed).toHaveLength(1 + 16 + 12 + (1 + 5) + 16);
  expect(sealed[0]).toBe(2);
});

describe('a key, looked at past custody', () => {
  let raw: RawSession;
  let key: Buffer;
  let sealed: Uint8Array;
  beforeEach(async () => {
    const custody = await open();
    sealed = await custody.seal('watched', context, context);
    raw = rawSession(token);
    [key = Buffer.alloc(0)] = raw.find('dta/watched');
  });
  afterEach(() => raw.close());
  const isTrue = (type: number) => raw.attribute(key, type)[0] === 1;

  test('is AES-256, made inside, sensitive and not extractable from the beginning, named by the sealed bytes', () => {
    expect(raw.attribute(key, pkcs11js.CKA_VALUE_LEN).readUInt8()).toBe(32);
    for (const always of [
      pkcs11js.CKA_TOKEN,
      pkcs11js.CKA_PRIVATE,
      pkcs11js.CKA_LOCAL,
      pkcs11js.CKA_SENSITIVE,
      pkcs11js.CKA_ALWAYS_SENSITIVE,
      pkcs11js.CKA_NEVER_EXTRACTABLE,
    ]) {
      expect(isTrue(always)).toBe(true);
    }
    for (const never of [pkcs11js.CKA_EXTRACTABLE, pkcs11js.CKA_WRAP, pkcs11js.CKA_DERIVE, pkcs11js.CKA_SIGN]) {
      expect(isTrue(never)).toBe(false);
    }
    expect(toHex(raw.attribute(key, pkcs11js.CKA_ID))).toBe(toHex(sealed.subarray(1, 17)));
  });

  test('is not given away: not its value, not wrapped under a key that may wrap', () => {
    expect(() => raw.attribute(key, pkcs11js.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
    expect(() => raw.wrap(raw.makeWrappingKey(), key)).toThrow('CKR_KEY_UNEXTRACTABLE');
  });

  test('does not become extractable or less sensitive afterwards', () => {
    expect(() => raw.set(key, pkcs11js.CKA_EXTRACTABLE, true)).toThrow(/^CKR_/);
    expect(() => raw.set(key, pkcs11js.CKA_SENSITIVE, false)).toThrow(/^CKR_/);
    expect([isTrue(pkcs11js.CKA_EXTRACTABLE), isTrue(pkcs11js.CKA_SENSITIVE)]).toEqual([false, true]);
  });
});

describe('replicas as real processes at one token', () => {
  const names = Array.from({ length: 4 }, (_, n) => `period-${n}`);
  const replicas: ChildProcess[] = [];
  afterAll(() => replicas.forEach((child) => child.kill('SIGKILL')));

  /** A replica that has logged in; `go` lets it seal and gives what it printed. */
  async function startReplica(): Promise<{ go(): Promise<Record<string, string>> }> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'token-replica.js'), ...names], {
      env: { ...token.environment, MODULE: token.module, TOKEN: token.token, PIN: token.pin },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    replicas.push(child);
    let said = '';
    const ended = new Promise((resolve) => child.once('close', resolve));
    await new Promise<void>((ready, failed) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.startsWith('ready\n')) ready();
      });
      void ended.then(() => failed(new Error(`the replica ended: ${said}`)));
    });
    return {
      go: async () => {
        child.stdin.write('go\n');
        await ended;
        return JSON.parse(said.slice('ready\n'.length)) as Record<string, string>; // what token-replica.ts prints
      },
    };
  }

  test('make one key of each name though all make it at once, and open what the others sealed', async () => {
    const started = await Promise.all(Array.from({ length: 4 }, startReplica));
    const answers = await Promise.all(started.map(({ go }) => go()));
    const custody = await open();
    for (const name of names) {
      for (const answer of answers) {
        expect(await custody.open(name, context, fromHex(answer[name] ?? ''))).toEqual(context);
      }
    }
    const raw = rawSession(token);
    const keys = names.flatMap((name) => raw.find(`dta/${name}`));
    const candidates = names.flatMap((name) => raw.find(`dta/${name}/new`));
    raw.close();
    expect(candidates).toHaveLength(0);
    // one of each name; a machine that stands still at the wrong moment may leave one more, of the sixteen that were made
    expect(keys.length).toBeGreaterThanOrEqual(names.length);
    expect(keys.length).toBeLessThanOrEqual(names.length + 1);
    for (const name of names) await custody.destroy(name);
  }, 180_000);
});

describe('candidates of replicas that died', () => {
  test.each([
    ['a lower one', '00'.repeat(16)],
    ['a higher one', 'ff'.repeat(16)],
  ])('%s holds nobody up for long, and goes with the key', async (_, id) => {
    const custody = await open();
    const raw = rawSession(token);
    raw.makeKey('dta/orphan/new', fromHex(id));
    const sealed = await custody.seal('orphan', context, context);
    expect(await custody.open('orphan', context, sealed)).toEqual(context);
    expect(raw.find('dta/orphan')).toHaveLength(1);
    await custody.destroy('orphan');
    expect([...raw.find('dta/orphan'), ...raw.find('dta/orphan/new')]).toHaveLength(0);
    raw.close();
  });

  test('two keys of one name, as replicas that stood still may leave: the lower seals, both open', async () => {
    const custody = await open();
    const raw = rawSession(token);
    raw.makeKey('dta/twice', fromHex('f0'.repeat(16)));
    const before = await custody.seal('twice', context, context);
    raw.makeKey('dta/twice', fromHex('0f'.repeat(16)));
    const replica = await open();
    const after = await replica.seal('twice', context, context);
    expect(toHex(after.subarray(1, 17))).toBe('0f'.repeat(16));
    for (const sealed of [before, after]) {
      for (const each of [custody, replica]) expect(await each.open('twice', context, sealed)).toEqual(context);
    }
    expect((await custody.keys()).filter((name) => name === 'twice')).toHaveLength(1);
    await custody.destroy('twice');
    expect(raw.find('dta/twice')).toHaveLength(0);
    for (const sealed of [before, after]) {
      await expect(replica.open('twice', context, sealed)).rejects.toThrow(refusal('custody_invalid'));
    }
    raw.close();
  });
});

describe('a token that goes away', () => {
  const outcome = (task: Promise<unknown>): Promise<string> =>
    task.then(
      () => 'done',
      (error: unknown) => (isDtaError(error) ? error.code : String(error)),
    );

  test('is custody_unavailable meanwhile, never an empty one; and back, all goes on, under load too', async () => {
    const custody = await open();
    const sealed = await custody.seal('kept', context, context);
    const seen = new Set<string>();
    let stop = false;
    const load = Array.from({ length: 6 }, async (_, at) => {
      while (!stop) {
        const task =
          at % 3 === 0
            ? custody.open('kept', context, sealed)
            : at % 3 === 1
              ? custody.seal('kept', context, context)
              : custody.random(2_000);
        seen.add(await outcome(task));
        await delay(1);
      }
    });
    const until = async (code: string) => {
      seen.clear();
      for (const limit = Date.now() + 20_000; !seen.has(code) && Date.now() < limit;) await delay(10);
      expect(seen).toContain(code);
    };
    await until('done');
    await token.unplug();
    await until('custody_unavailable');
    for (const task of [
      () => custody.open('kept', context, sealed),
      () => custody.seal('never', context, context),
      () => custody.keys(),
      () => custody.destroy('kept'),
      () => open().then((again) => again.keys()),
    ]) {
      expect(await outcome(task())).toBe('custody_unavailable');
    }
    await token.plugIn();
    await until('done');
    stop = true;
    await Promise.all(load);
    expect([...seen].sort()).not.toContain('custody_invalid');
    // what was sealed before opens, under a key that is the same
    expect(await custody.open('kept', context, sealed)).toEqual(context);
    expect(await custody.keys()).toContain('kept');
    expect(await custody.keys()).not.toContain('never');
  }, 180_000);

  test('and comes back before anybody asked: nobody notices', async () => {
    const custody = await open();
    const sealed = await custody.seal('kept', context, context);
    await token.unplug();
    await token.plugIn();
    expect(await custody.open('kept', context, sealed)).toEqual(context);
  });

  test('with sessions and login of this process ended behind its back is logged in at again at once', async () => {
    const custody = await open();
    const sealed = await custody.seal('kept', context, context);
    const raw = rawSession(token);
    raw.closeAll();
    expect(await outcome(custody.open('kept', context, sealed))).toBe('done');
    raw.closeAll();
    expect(await outcome(custody.random(10_000))).toBe('done');
    raw.finalize();
    expect(await outcome(custody.seal('kept', context, context))).toBe('done');
  });
});

describe('what can not be opened', () => {
  const without = (part: Partial<SoftHsmToken>) => openPkcs11Custody({ ...token, ...part });

  test('says so in one sentence, without the PIN', async () => {
    const pin = 'not-the-pin-1234';
    for (const [part, sentence] of [
      [{ pin }, /refuses the PIN \(CKR_PIN_INCORRECT\)/],
      [{ pin: '' }, /refuses the PIN|is out of reach/],
      [{ token: 'no such token' }, /"no such token" is not there/],
      [{ module: '/etc/passwd' }, /no PKCS#11 module to load: .*\/etc\/passwd/],
      [{ module: join(import.meta.dirname, 'missing.so') }, /no PKCS#11 module to load: .*missing\.so/],
    ] as const) {
      const error: unknown = await without(part).catch((reason: unknown) => reason);
      expect(error).toEqual(refusal('custody_unavailable', sentence));
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error)).not.toContain(pin);
    }
  });

  test('with another PIN than the one this process is logged in with', async () => {
    await open();
    await expect(without({ pin: 'another' })).rejects.toThrow(refusal('custody_unavailable', /with another PIN/));
  });
});

describe('a signing key', () => {
  test('is made inside, signs as Ed25519, and is found again by its public key', async () => {
    const custody = await open();
    const made = await custody.signing?.create();
    const publicKey = made?.publicKey ?? new Uint8Array();
    expect(publicKey).toHaveLength(32);
    const again = await (await open()).signing?.open(publicKey);
    for (const length of [1, 32, 10_000]) {
      const message = randomBytes(length);
      for (const key of [made, again]) {
        expect(ed25519Verify(publicKey, message, (await key?.sign(message)) ?? new Uint8Array())).toBe(true);
      }
    }
  });

  test('signs many at a time, and over a lost session', async () => {
    const key = await (await open()).signing?.create();
    const message = ascii('DTA-TEST1');
    const sign = async () =>
      ed25519Verify(key?.publicKey ?? new Uint8Array(), message, (await key?.sign(message)) ?? new Uint8Array());
    expect(await Promise.all(Array.from({ length: 50 }, sign))).toEqual(Array(50).fill(true));
    rawSession(token).closeAll();
    expect(await sign()).toBe(true);
  });

  test('is refused where custody has none of that public key, and after it was destroyed', async () => {
    const custody = await open();
    const none = refusal('custody_invalid', /holds no signing key/);
    await expect(custody.signing?.open(randomBytes(32))).rejects.toThrow(none);
    const key = await custody.signing?.create();
    const publicKey = key?.publicKey ?? new Uint8Array();
    await custody.signing?.destroy(publicKey);
    await custody.signing?.destroy(publicKey);
    await expect(custody.signing?.open(publicKey)).rejects.toThrow(none);
    await expect(key?.sign(context)).rejects.toThrow(none);
  });

  test('does not leave the token', async () => {
    await (await open()).signing?.create();
    const raw = rawSession(token);
    const [key = Buffer.alloc(0)] = raw.findPrivate('dta/sign');
    expect(() => raw.attribute(key, pkcs11js.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
    expect(() => raw.wrap(raw.makeWrappingKey(), key)).toThrow('CKR_KEY_UNEXTRACTABLE');
    raw.close();
  });
});
