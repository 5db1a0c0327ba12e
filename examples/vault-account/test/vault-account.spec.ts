import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openPlugins, type Plugins } from '@dta/plugin/host';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, createHmac } from 'node:crypto';

const root = join(import.meta.dirname, '../../../..');
const limits = {
  ...{ callMs: 5_000, queueMs: 5_000, loadMs: 20_000, heapMb: 64, bytesMb: 64, threads: 1, queued: 8 },
  ...{ extensionMaxBytes: 4_096, heldMaxBytes: 4_096 },
};
const facts = {
  ...{ orderReference: 'bafy', orderReferenceBytes: new Uint8Array(36), commitment: new Uint8Array(33).fill(2) },
  request: { account: 'AB-123456' },
};

test('docs/plugins.md shows these very lines, and they are fifty at most', () => {
  const source = readFileSync(join(root, 'examples/vault-account/src/index.ts'), 'utf8');
  const page = readFileSync(join(root, 'docs/plugins.md'), 'utf8');
  expect(page).toContain(`\`\`\`ts\n${source}\`\`\`\n`);
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(50);
});

describe('loaded by its folder, as a node loads it', () => {
  let plugins: Plugins;
  beforeAll(async () => {
    plugins = await openPlugins([join(root, 'examples/vault-account')], limits);
  });
  afterAll(() => plugins.close());

  test('an order goes from its account to its receipt', async () => {
    const { request, held } = await plugins.placeOrder('vault-account', {
      account: 'AB-123456',
      note: 'for the heirs',
    });
    expect([request, Buffer.from(held ?? []).toString()]).toEqual([{ account: 'AB-123456' }, 'for the heirs']);
    expect(await plugins.answerOrder('vault-account', { ...facts, held })).toEqual({
      account: 'AB-123456',
      fingerprint: createHash('sha256').update(facts.commitment).digest('hex').slice(0, 16),
      note: 'for the heirs',
    });
    const secret = new Uint8Array(32).fill(7);
    const redemption = { account: 'AB-123456', officers: ['Ada', 'Bo'] };
    expect(await plugins.answerRedemption('vault-account', { ...facts, redemption, secret })).toEqual({
      account: 'AB-123456',
      receipt: createHmac('sha256', secret).update('Ada\nBo').digest('hex'),
    });
  });

  test.each([
    [{ account: 'nobody' }, 'must be an account'],
    [{ account: 'ZZ-000001' }, 'is closed'],
  ])('no order of %j', async (extension, reason) => {
    await expect(plugins.placeOrder('vault-account', extension)).rejects.toMatchObject({
      ...{ code: 'plugin_refused', message: expect.stringContaining(reason) },
    });
  });

  test.each([
    [{ account: 'AB-000000', officers: ['Ada', 'Bo'] }, 'another account'],
    [{ account: 'AB-123456', officers: ['Ada', 'Ada'] }, 'two different officers'],
    [{ account: 'AB-123456', officers: ['Ada'] }, 'extension.officers'],
  ])('no redemption of %j', async (redemption, reason) => {
    await expect(plugins.validateRedemption('vault-account', { ...facts, redemption })).rejects.toMatchObject({
      ...{ code: 'plugin_refused', message: expect.stringContaining(reason) },
    });
  });
});
