import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expected } from '../src/orders.js';
import { startStandalone, type StandaloneProcess } from '../src/standalone.js';

jest.setTimeout(300_000);

let folder: string;
let node: StandaloneProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-text-'));
  node = await startStandalone('--port', '0', '--data', folder);
});
afterAll(async () => {
  await node.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

async function safeguarded(plainText: string): Promise<unknown> {
  const order = { plugin: 'safeguardsecret', extension: { plainText }, wait: 60 };
  const { orderReference, extension } = expected(200, await node.api.post('/v1/order', order));
  const redemption = { orderReference, extension, wait: 60 };
  const released = expected(200, await node.api.post('/v1/order/secret', redemption));
  return (released['extension'] as { plainText: string }).plainText; // by the plugin's schema
}

describe('a text that is safeguarded', () => {
  test.each([
    ['beyond ASCII', 'café'],
    ['not normalised', 'cafe\u0301'],
    ['beyond the basic plane', '𝄞 and 🜁'],
    ['with U+0000 and noncharacters', 'a\u0000b\ufffe\uffff'],
    ['with the replacement character itself', '\ufffd'],
    ['that begins with U+FEFF', '\ufeffhello'],
    ['that is U+FEFF, twice, and long', `\ufeff\ufeff${'x'.repeat(5_000)}`],
    ['that is empty', ''],
  ])('%s comes back to the byte', async (_, text) => {
    expect(await safeguarded(text)).toBe(text);
  });
});

describe('what is no text', () => {
  test.each([
    ['bytes of Latin-1', Buffer.from('{"plugin":"safeguardsecret","extension":{"plainText":"caf\xe9"}}', 'latin1')],
    ['half a surrogate pair', Buffer.from('{"plugin":"safeguardsecret","extension":{"plainText":"\\ud800"}}')],
    [
      'two texts of one name',
      Buffer.from('{"plugin":"safeguardsecret","extension":{"plainText":"a","plainText":"b"}}'),
    ],
  ])('%s: refused, and no order is there', async (_, body) => {
    const { total } = expected(200, await node.api.get('/v1/order'));
    const answer = await fetch(`${node.api.url}/v1/order`, {
      ...{ method: 'POST', body, headers: { 'Content-Type': 'application/json' } },
    });
    expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ code: 'request_invalid' })]);
    expect(expected(200, await node.api.get('/v1/order'))['total']).toBe(total);
  });
});
