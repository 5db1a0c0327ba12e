import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ascii } from '@dta/codec';
import { custodyProtection, openSoftwareCustody, type Custody } from '@dta/custody';
import { openKeyFile, sealKeyFile } from '@dta/identity';
import { refusal } from './refusal.js';

let folder: string;
let custody: Custody;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-custody-'));
  custody = await openSoftwareCustody({ file: join(folder, 'keys'), warn: () => undefined });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const generations = [{ document: ascii('document'), signSeed: null, kemSeed: new Uint8Array(32).fill(7), next: null }];

test('seals a key file under the key "identity"', async () => {
  const file = await sealKeyFile(generations, custodyProtection(custody));
  expect(await openKeyFile(file, custodyProtection(custody))).toEqual(generations);
  expect(await custody.keys()).toEqual(['identity']);
});

test('refuses the key file of another custody', async () => {
  const file = await sealKeyFile(generations, custodyProtection(custody));
  const other = await openSoftwareCustody({ file: join(folder, 'other'), warn: () => undefined });
  await other.seal('identity', ascii('x'), ascii('x'));
  await expect(openKeyFile(file, custodyProtection(other))).rejects.toThrow(refusal('custody_invalid'));
});

test('binds what it seals to being a key file', async () => {
  const { seal } = custodyProtection(custody);
  const sealed = await seal(ascii('plaintext'));
  expect(await custody.open('identity', ascii('DTA-KEYFILE1'), sealed)).toEqual(ascii('plaintext'));
  await expect(custody.open('identity', ascii('DTA-KEYFILE2'), sealed)).rejects.toThrow(refusal('custody_invalid'));
});
