import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { toHex } from '@dta/codec';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { freePort } from '@dta/testkit';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dta } from './run-dta.js';

jest.setTimeout(180_000);

describe('where no node answers', () => {
  let folder: string;

  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Runs the demo with a folder of its own for what is temporary. */
  async function runDemo(signalAt?: (output: string) => NodeJS.Signals | undefined) {
    folder = await mkdtemp(join(tmpdir(), 'dta-cli-'));
    const environment = { TMPDIR: folder, PATH: '/usr/bin:/bin' };
    return dta(['demo', '--url', await nobody()], { environment, ...(signalAt !== undefined && { signalAt }) });
  }

  test('the demo starts one, orders, redeems, checks, and leaves nothing behind', async () => {
    const { status, output, errors } = await runDemo();
    expect([status, errors]).toEqual([0, '']);
    const texts = ['1. A node', '2. Order', '3. Redeem', '4. Check', 'They are the same', 'its folder is gone'];
    for (const text of texts) expect(output).toContain(text);
    const [, commitment] = /commitment +([0-9a-f]{66})\n/.exec(output) ?? [];
    expect(output).toMatch(new RegExp(`it gives +${commitment}\n`));
    expect(await readdir(folder)).toEqual([]);
  });

  test.each([
    ['while the node starts', 'one starts'],
    ['while it orders', '2. Order'],
  ])('a Ctrl-C %s ends all of it', async (_, text) => {
    const interrupted = () => runDemo((said) => (said.includes(text) ? 'SIGINT' : undefined));
    let ending = await interrupted(); // it may be over before it is interrupted
    for (let again = 0; again < 5 && ending.status === 0; again += 1) {
      await rm(folder, { recursive: true });
      ending = await interrupted();
    }
    const { status, output, errors } = ending;
    expect(status).toBe(1);
    expect(output).not.toContain('They are the same');
    expect(errors).toBe('dta: the demo was interrupted\n');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('where something answers', () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.close();
  });

  /** A server that answers each path with a status and a body. */
  async function serve(answers: Readonly<Record<string, [status: number, body: unknown]>>): Promise<string> {
    server = createServer((request, response) => {
      const [status, body] = answers[request.url ?? ''] ?? [404, 'nothing here'];
      const type = status < 400 ? 'application/json' : 'application/problem+json';
      response.writeHead(status, { connection: 'close', 'content-type': type }).end(JSON.stringify(body));
    });
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of TCP, as it listens
  }

  test('that is no D-TA, or asks for a token, it says so', async () => {
    const stranger = await dta(['demo', '--url', await serve({ '/v1/status': [200, { hello: 'world' }] })]);
    expect(stranger).toMatchObject({
      status: 1,
      errors: expect.stringMatching(/^dta: what answers at .* is not a D-TA.*\n$/),
    });
    server?.close();
    const problem = { code: 'unauthenticated', detail: 'a bearer token is needed' };
    const closed = await dta(['demo', '--url', await serve({ '/v1/status': [401, problem] })]);
    expect(closed).toMatchObject({ status: 1, errors: expect.stringMatching(/^dta: .*--token-file\n$/) });
    expect(await dta(['demo', '--url', 'localhost'])).toMatchObject({
      status: 1,
      errors: expect.stringMatching(/no url/),
    });
  });

  test.each([
    ['the right secret', 0],
    ['another secret', 1],
  ])('a node that reveals %s ends it with %i', async (what, status) => {
    const secret = randomBytes(32);
    const commitment = toHex(secp256k1.publicPoint(secret));
    const revealed = what === 'the right secret' ? secret : randomBytes(32);
    const ref = 'bafyreigh2akiscaildc';
    const url = await serve({
      '/v1/status': [200, { application: 'D-TA', nodeCID: ref }],
      '/v1/order': [200, { orderReference: ref, commitment, createdAt: 0 }],
      '/v1/order/secret': [200, { orderReference: ref, commitment, secret: toHex(revealed) }],
      [`/v1/order/${ref}`]: [
        200,
        { state: 'committed', threshold: 1, fiduciaries: [{ idDocumentCID: ref }], timeline: [] },
      ],
    });
    const ending = await dta(['demo', '--url', url]);
    expect(ending.status).toBe(status);
    expect(ending.output).not.toContain(toHex(revealed)); // in full
    if (status === 1) expect(ending.errors).toBe('dta: the secret is NOT the private key of the commitment\n');
  });
});

/** Where nothing listens. */
async function nobody(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`;
}
