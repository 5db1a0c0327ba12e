import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openCustody, type BeforeKey, type Custody } from '@dta/custody';
import { custodyCompliance } from '@dta/custody/compliance';
import { copyFile, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dta-passphrase-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const warnings: string[] = [];
/** As a role opens it by CUSTODY_PROVIDER. */
const openAs = (settings: string, beforeKey?: BeforeKey): Promise<Custody> => {
  const specifier = new URL('../src/index.js', import.meta.url).href;
  return openCustody({ kind: 'provider', specifier, settings }, (sentence) => warnings.push(sentence), beforeKey);
};

describe('compliance', () => {
  test.each(custodyCompliance.map((each) => [each.name, each] as const))('%s', async (_, each) => {
    await each.run((beforeKey) => openAs(`${join(root, 'compliance')}:a passphrase: with colons`, beforeKey));
  });
});

test('says that it is not for production', async () => {
  await (await openAs(`${join(root, 'warned')}:x`)).close();
  expect(warnings.at(-1)).toContain('not for production');
});

test('opens again with its passphrase, and with no other', async () => {
  const settings = `${join(root, 'again')}:right`;
  const before = await openAs(settings);
  const sealed = await before.seal('some-key', Buffer.from('context'), Buffer.from('secret'));
  await before.close();
  const after = await openAs(settings);
  expect(Buffer.from(await after.open('some-key', Buffer.from('context'), sealed)).toString()).toBe('secret');
  await after.close();
  await expect(openAs(`${join(root, 'again')}:wrong`)).rejects.toMatchObject({ code: 'custody_invalid' });
});

test('keeps no key in plain, and no file bound to another name opens', async () => {
  const folder = join(root, 'files');
  const custody = await openAs(`${folder}:x`);
  const context = new Uint8Array();
  const sealed = await custody.seal('one', context, Buffer.from('secret'));
  await custody.seal('two', context, Buffer.from('secret'));
  expect((await readdir(folder)).sort()).toEqual(['one.key', 'proof', 'salt', 'two.key']);
  for (const name of ['one', 'two']) expect(await readFile(join(folder, `${name}.key`))).toHaveLength(12 + 32 + 16);
  await rm(join(folder, 'one.key'));
  await copyFile(join(folder, 'two.key'), join(folder, 'one.key'));
  await expect(custody.open('one', context, sealed)).rejects.toMatchObject({ code: 'custody_invalid' });
  await custody.close();
});

test.each(['', 'no-colon', ':passphrase', 'folder:'])('refuses the settings %j', async (settings) => {
  await expect(openAs(settings)).rejects.toMatchObject({ code: 'custody_invalid' });
});
