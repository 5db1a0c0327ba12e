import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { custodyProtection, openPkcs11Custody } from '@dta/custody';
import { openKeyFile, readIdentity } from '@dta/identity';
import { openKeyRing } from '@dta/node';
import { freshToken, type SoftHsmToken } from '@dta/testkit';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dta } from './run-dta.js';

let folder: string;
let token: SoftHsmToken;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-cli-'));
  token = await freshToken();
  const pinFile = join(folder, 'pin');
  await writeFile(pinFile, `${token.pin}\n`, { mode: 0o600 });
  environment = {
    ...token.environment,
    CUSTODY_PKCS11_MODULE: token.module,
    CUSTODY_PKCS11_TOKEN: token.token,
    CUSTODY_PKCS11_PIN_FILE: pinFile,
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('dta custody check', () => {
  test('shows in a table what a token can do, and ends with 0', async () => {
    const { status, output, errors } = await dta(['custody', 'check'], { environment });
    expect([status, errors]).toEqual([0, '']);
    const rows = output.split('\n').filter((line) => /^(yes|no|NO) /.test(line));
    expect(rows).toHaveLength(10);
    expect(rows.every((row) => row.startsWith('yes '))).toBe(true);
    expect(output).toMatch(/^yes {2}seals and opens by AES-GCM +CKM_AES_GCM/m);
    expect(output).toMatch(/^yes {2}refuses to give the key away +CKR_ATTRIBUTE_SENSITIVE/m);
    expect(output).toContain(`The token "${token.token}" is fit for custody.`);
    expect(output).not.toContain(token.pin);
  });

  test('ends with 1 where something needed is missing, without the PIN', async () => {
    const pin = 'not-the-pin-1234';
    const { CUSTODY_PKCS11_PIN_FILE: _file, ...others } = environment;
    const { status, output, errors } = await dta(['custody', 'check'], {
      environment: { ...others, CUSTODY_PKCS11_PIN: pin },
    });
    expect(status).toBe(1);
    expect(output).toMatch(/^NO {2}logs in .*refuses the PIN/m);
    expect(errors).toMatch(/do not trust this token/);
    expect(output + errors).not.toContain(pin);
  });

  test('tries no PIN at a token that has counted a wrong one, unless forced', async () => {
    const { CUSTODY_PKCS11_PIN_FILE: _file, ...others } = environment;
    const wrong = { environment: { ...others, CUSTODY_PKCS11_PIN: 'not-the-pin-1234' } };
    await dta(['custody', 'check', '--force'], wrong);
    for (const said of [wrong, { environment }]) {
      const { status, output } = await dta(['custody', 'check'], said); // the right one would have set the count back
      expect(status).toBe(1);
      expect(output).toMatch(/^NO {2}logs in .*CKF_USER_PIN_COUNT_LOW.*--force/m);
    }
    expect((await dta(['custody', 'check', '--force'], { environment })).status).toBe(0);
    expect((await dta(['custody', 'check'], { environment })).status).toBe(0);
  });

  test('says which settings it lacks', async () => {
    const { status, errors } = await dta(['custody', 'check'], { environment: {} });
    expect(status).toBe(1);
    for (const name of ['MODULE', 'TOKEN', 'PIN']) expect(errors).toContain(`CUSTODY_PKCS11_${name}: is missing`);
  });
});

describe('dta identity create', () => {
  const create = (name: string, ...options: string[]) =>
    dta(
      [
        ...['identity', 'create', '--name', name, '--role', 'fiduciary'],
        ...['--key-file', join(folder, `${name}.key`), '--document', join(folder, name), ...options],
      ],
      { environment },
    );
  const read = async (name: string) => new Uint8Array(await readFile(join(folder, name)));

  test('seals the key file by a token, and leaves the signing key in it', async () => {
    const { status, output, errors } = await create('inside', '--custody-pkcs11', '--sign-in-token');
    expect([status, errors]).toEqual([0, '']);
    const identity = readIdentity(await read('inside'));
    expect(output).toBe(`${identity.cid}\n`);

    const custody = await openPkcs11Custody(token);
    const generations = await openKeyFile(await read('inside.key'), custodyProtection(custody));
    expect(generations.map(({ signSeed }) => signSeed)).toEqual([null]);
    expect(generations[0]?.next).toMatchObject({ seed: null });
    const ring = await openKeyRing(generations, custody.signing);
    expect(ring.first).toBe(identity.cid);
    expect(ring.author.key.publicKey).toEqual(identity.keys.sign);
    await expect(openKeyRing(generations)).rejects.toThrow(/is in an HSM, which this custody is not/);
    const rotated = await dta(
      [
        ...['identity', 'rotate', '--key-file', join(folder, 'inside.key'), '--document', join(folder, 'inside-2')],
        ...['--custody-pkcs11', '--sign-in-token'],
      ],
      { environment },
    );
    expect([rotated.status, rotated.errors]).toEqual([0, '']);
    const both = await openKeyRing(
      await openKeyFile(await read('inside.key'), custodyProtection(custody)),
      custody.signing,
    );
    expect([both.first, `${both.newest.cid}\n`]).toEqual([identity.cid, rotated.output]);
    expect(both.newest.keys.sign).toEqual(generations[0]?.next?.publicKey);
    await custody.signing?.destroy(identity.keys.sign);
    await expect(openKeyRing(generations, custody.signing)).rejects.toThrow(/holds no signing key/);
    await custody.close();
  });

  test('keeps the signing key in the key file where it is not told otherwise', async () => {
    expect((await create('beside', '--custody-pkcs11')).status).toBe(0);
    const custody = await openPkcs11Custody(token);
    const [generation] = await openKeyFile(await read('beside.key'), custodyProtection(custody));
    expect(generation?.signSeed).toHaveLength(32);
    await custody.close();
  });

  test.each<[string, string[], RegExp]>([
    [
      'a signing key in software',
      ['--custody-software', 'c', '--sign-in-token'],
      /--sign-in-token goes with --custody-pkcs11/,
    ],
    ['two custodies', ['--custody-software', 'c', '--custody-pkcs11'], /cannot be used with/],
  ])('refuses %s', async (name, options, sentence) => {
    const inFolder = options.map((option) => (option === 'c' ? join(folder, 'c') : option));
    const { status, errors } = await create(name.replaceAll(' ', '-'), ...inFolder);
    expect(status).toBe(1);
    expect(errors).toMatch(sentence);
    expect(existsSync(join(folder, `${name.replaceAll(' ', '-')}.key`))).toBe(false);
  });
});
