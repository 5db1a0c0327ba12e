import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ascii, decodeCanonical, fromHex } from '@dta/codec';
import { openSoftwareCustody, type BeforeKey, type Custody } from '@dta/custody';
import { custodyCompliance } from '@dta/custody/compliance';
import { refusal } from './refusal.js';

const context = ascii('context');
let folder: string;
let file: string;
let warnings: string[];
const open = (beforeKey: BeforeKey = async () => undefined): Promise<Custody> =>
  openSoftwareCustody({ file, beforeKey, warn: (sentence) => void warnings.push(sentence) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-custody-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  file = join(folder, `${expect.getState().currentTestName?.replaceAll(/\W+/g, '-') ?? 'keys'}.keys`);
  warnings = [];
});

describe('compliance of software custody', () => {
  for (const { name, run } of custodyCompliance) {
    test(name, async () => {
      file = join(folder, 'compliance.keys'); // one store for all cases, as an HSM has one token
      await run(open);
    });
  }
});

describe('the file of keys', () => {
  test('is made with mode 0600, and leaves nothing beside it', async () => {
    const custody = await open();
    await custody.seal('identity', context, context);
    await custody.destroy('identity');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const beside = (await readdir(folder)).filter((name) => join(folder, name).startsWith(file));
    expect(beside).toEqual([file.slice(folder.length + 1)]);
  });

  test.each([0o644, 0o640, 0o604, 0o660, 0o610])('is refused with mode %o, in one clear sentence', async (mode) => {
    const custody = await open();
    await chmod(file, mode);
    await expect(open()).rejects.toThrow(refusal('custody_unavailable', /can be read by others: chmod 600/));
    await expect(custody.keys()).rejects.toThrow(refusal('custody_unavailable'));
    await expect(custody.seal('identity', context, context)).rejects.toThrow(refusal('custody_unavailable'));
  });

  test('is refused when damaged, and left as it is', async () => {
    const custody = await open();
    await custody.seal('identity', context, context);
    const whole = await readFile(file);
    const damaged = [
      Buffer.alloc(0),
      whole.subarray(0, -1),
      Buffer.concat([whole, Buffer.of(0)]),
      Buffer.alloc(whole.length),
      Buffer.from('{"keys":{}}'),
    ];
    for (const bytes of damaged) {
      await writeFile(file, bytes);
      await expect(open()).rejects.toThrow(refusal('custody_invalid', /is damaged: it was left as it is/));
      await expect(custody.seal('period-1', context, context)).rejects.toThrow(refusal('custody_invalid'));
      await expect(custody.destroy('identity')).rejects.toThrow(refusal('custody_invalid'));
      expect(await readFile(file)).toEqual(bytes);
    }
  });

  test('is not made again when it goes away under an open custody', async () => {
    const custody = await open();
    await custody.seal('identity', context, context);
    await rm(file);
    await expect(custody.seal('identity', context, context)).rejects.toThrow(refusal('custody_unavailable'));
    await expect(custody.destroy('identity')).rejects.toThrow(refusal('custody_unavailable'));
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  test('is refused as a symbolic link, and where its folder is missing', async () => {
    await symlink('/dev/null', file);
    await expect(open()).rejects.toThrow(refusal('custody_unavailable'));
    file = join(folder, 'missing', 'keys');
    await expect(open()).rejects.toThrow(refusal('custody_unavailable'));
  });

  test('holds no key that was destroyed', async () => {
    const custody = await open();
    await custody.seal('period-1', context, context);
    const before = await readFile(file);
    await custody.seal('period-2', context, context);
    await custody.destroy('period-1');
    const { keys } = decodeCanonical(before, 10_000) as { keys: Record<string, Uint8Array> }; // as the adapter wrote it
    const destroyed = Buffer.from(keys['period-1'] ?? []);
    expect(destroyed).toHaveLength(32);
    expect((await readFile(file)).includes(destroyed)).toBe(false);
  });
});

test('seals as 0x01 ‖ iv [12] ‖ ciphertext ‖ tag [16], and refuses another version', async () => {
  const custody = await open();
  const sealed = await custody.seal('identity', context, new Uint8Array(5));
  expect(sealed).toHaveLength(1 + 12 + 5 + 16);
  expect(sealed[0]).toBe(1);
  const later = Uint8Array.from(sealed, (byte, i) => (i === 0 ? 2 : byte));
  await expect(custody.open('identity', context, later)).rejects.toThrow(refusal('custody_invalid'));
});

test('warns at each opening that it protects nothing, and says so of erasures', async () => {
  const custody = await open();
  await open();
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain('can open all that this node sealed');
  expect(custody.kind).toBe('software');
  expect(custody.erasesForCertain).toBe(false);
});

describe('replicas as real processes', () => {
  const replica = fileURLToPath(new URL('replica.js', import.meta.url));
  const keyNames = Array.from({ length: 8 }, (_, n) => `period-${n}`);
  const runReplica = async (): Promise<Record<string, string>> => {
    const { stdout } = await promisify(execFile)(process.execPath, [replica, file, ...keyNames]);
    return JSON.parse(stdout) as Record<string, string>; // what replica.ts prints
  };

  test('that make the same keys at once make one of each', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, runReplica));
    const custody = await open();
    expect(await custody.keys()).toEqual(keyNames);
    for (const answer of answers) {
      for (const name of keyNames) {
        expect(await custody.open(name, context, fromHex(answer[name] ?? ''))).toEqual(context);
      }
    }
  }, 180_000);

  test('that find a lock left by a dead process wait, then take it', async () => {
    const custody = await open();
    await writeFile(`${file}.lock`, '');
    await writeFile(`${file}.new-0123456789abcdef`, 'what the dead process began to write');
    const [answer, here] = await Promise.all([runReplica(), custody.seal('period-0', context, context)]);
    expect(await custody.open('period-0', context, fromHex(answer['period-0'] ?? ''))).toEqual(context);
    expect(await custody.open('period-0', context, here)).toEqual(context);
    const beside = (await readdir(folder)).filter((name) => join(folder, name).startsWith(`${file}.`));
    expect(beside).toEqual([]);
  }, 180_000);
});
