import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf, encodeCanonical } from '@dta/codec';
import { openKuboStore } from '@dta/document-store';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { leaf, newBatch } from './blocks.js';
import { refusal } from './refusal.js';

// What answers at the address of Kubo's RPC may be anything: another program, another party, a Kubo that went wrong.

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A server on a free port, what it was asked for, and how much it wrote. */
class Impostor {
  answer: Answer = (response) => void response.end();
  asked: { url: string; authorization: string | undefined }[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.asked.push({ url: request.url ?? '', authorization: request.headers.authorization });
    request.resume().once('end', () => this.answer(response, request));
  });

  async listen(): Promise<void> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening));
  }

  url(login = ''): string {
    const { port } = this.#server.address() as AddressInfo; // of TCP, as it listens
    return `http://${login}127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const [kubo, other] = [new Impostor(), new Impostor()];
beforeAll(() => Promise.all([kubo.listen(), other.listen()]));
afterEach(() => {
  kubo.asked = [];
  other.asked = [];
});
afterAll(() => {
  kubo.close();
  other.close();
});

const store = (login = '', timeoutMs = 5_000) => openKuboStore({ url: kubo.url(login), timeoutMs });
const answers =
  (status: number, body: string | Uint8Array, type = 'text/plain'): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': type }).end(body);
const saysInKubosWords = (message: string) =>
  answers(500, JSON.stringify({ Message: message, Code: 0, Type: 'error' }), 'application/json');
const calls = [
  ['get', () => store().get(leaf().cid)],
  ['put', () => store().put(newBatch())],
] as const;

test('is not believed other bytes than the CID names', async () => {
  kubo.answer = answers(200, 'other bytes');
  await expect(store().get(leaf().cid)).rejects.toThrow(refusal('block_invalid'));
});

test.each([
  ['nothing', ''],
  ['no JSON', 'ok'],
  [
    'another root',
    '{"Root":{"Cid":{"/":"bafyreia3vl6d356xhluqijc6m77ho6nahdlx6x55be2aulinrgbonp3m3u"},"PinErrorMsg":""}}',
  ],
  ['a pin that failed', '{"Root":{"Cid":{"/":"ROOT"},"PinErrorMsg":"no space"}}'],
  ['a root without a word about its pin', '{"Root":{"Cid":{"/":"ROOT"}}}'],
  ['null', 'null'],
])('is not believed that it keeps a batch by answering %s', async (_name, body) => {
  const batch = newBatch();
  kubo.answer = answers(200, body.replace('ROOT', batch.root));
  await expect(store().put(batch)).rejects.toThrow(refusal('store_unavailable'));
});

test('says why it refuses', async () => {
  kubo.answer = saysInKubosWords('disk is full');
  await expect(store().put(newBatch())).rejects.toThrow(
    refusal('store_unavailable', /refuses dag\/import: disk is full$/),
  );
});

test('is told of as one that answers, where no Kubo answers so', async () => {
  kubo.answer = answers(200, 'ok');
  await expect(store().put(newBatch())).rejects.toThrow(refusal('store_unavailable', /answers dag\/import as no Kubo/));
});

test('gets user and password as a header, and no error shows them', async () => {
  kubo.answer = answers(403, '');
  const error: unknown = await store('user:pass%20word@')
    .put(newBatch())
    .catch((reason: unknown) => reason);
  expect(kubo.asked).toEqual([
    { url: expect.stringMatching(/^\/api\/v0\/dag\/import\?/), authorization: `Basic ${btoa('user:pass word')}` },
  ]);
  expect(error).toMatchObject({ code: 'store_unavailable', message: expect.stringMatching(/status 403$/) });
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(/word/);
});

describe('is not followed to another address', () => {
  const cases = calls.flatMap(([name, call]) => [301, 302, 303, 307, 308].map((status) => ({ name, call, status })));

  test.each(cases)('by $status of $name', async ({ call, status }) => {
    kubo.answer = (response) => void response.writeHead(status, { location: `${other.url()}/latest` }).end();
    await expect(call()).rejects.toThrow(refusal('store_unavailable', new RegExp(`redirects .*${status}`)));
    expect(other.asked).toEqual([]);
  });

  test('while other requests of the process are followed as ever', async () => {
    kubo.answer = (response) => void response.writeHead(307, { location: `${other.url()}/latest` }).end('moved');
    other.answer = answers(200, 'there');
    const [refused, followed] = await Promise.allSettled([store().get(leaf().cid), fetch(kubo.url())]);
    expect(refused.status).toBe('rejected');
    expect(followed.status === 'fulfilled' && (await followed.value.text())).toBe('there');
  });
});

describe('is not read on where it answers without end', () => {
  const endless =
    (status: number, type: string): Answer =>
    (response) => {
      response.writeHead(status, { 'content-type': type });
      const write = () => {
        while (!response.destroyed && response.write('a'.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    };

  test.each([
    ['get', 200, 'application/octet-stream'],
    ['get', 500, 'application/json'],
    ['get', 500, 'text/plain'],
    ['put', 200, 'application/json'],
    ['put', 500, 'application/json'],
  ] as const)('to %s, with %d and %s', async (name, status, type) => {
    kubo.answer = endless(status, type);
    const batch = newBatch();
    const outcome = name === 'get' ? store('', 60_000).get(batch.root) : store('', 60_000).put(batch);
    await expect(outcome).rejects.toThrow(refusal('store_unavailable', /answers .* with more than [0-9,]+ bytes$/));
  });

  test('but packed', async () => {
    const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    kubo.answer = (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    for (const [, call] of calls) await expect(call()).rejects.toThrow(refusal('store_unavailable', /more than/));
  });

  test('or stops in the middle', async () => {
    kubo.answer = (response) => void response.writeHead(200).write('x');
    const impatient = store('', 300);
    await expect(impatient.get(leaf().cid)).rejects.toThrow(refusal('store_unavailable', /within 300 ms$/));
    await expect(impatient.put(newBatch())).rejects.toThrow(refusal('store_unavailable', /within 300 ms$/));
  });

  test('and the largest block there may be is read', async () => {
    const head = encodeCanonical({ bytes: new Uint8Array(70_000) }).length - 70_000;
    const bytes = encodeCanonical({ bytes: randomBytes(1024 * 1024 - head) });
    expect(bytes).toHaveLength(1024 * 1024);
    kubo.answer = answers(200, bytes);
    expect(Buffer.from(bytes).equals(await store().get(cidOf(bytes)))).toBe(true);
  });
});

describe('has no say about what is there', () => {
  test.each([
    ['a page that is not found', answers(404, '404 page not found\n')],
    ['a failure in plain text', answers(500, 'block was not found')],
    ['JSON of its own', answers(404, '{"message":"Not Found"}', 'application/json')],
    ['JSON that is not whole', answers(500, '{"Message":"not found","Code":0,"Type":"er', 'application/json')],
    ['a page', answers(500, '{"Message":"not found","Code":0,"Type":"error"}', 'text/html')],
    [
      "Kubo's words with another status",
      answers(404, JSON.stringify({ Message: 'not found', Code: 0, Type: 'error' }), 'application/json'),
    ],
  ])('by %s', async (_name, answer) => {
    kubo.answer = answer;
    await expect(store().get(leaf().cid)).rejects.toThrow(
      refusal('store_unavailable', /status (404|500)$|: not found$/),
    );
  });

  test.each(['block was not found locally (offline): ipld: could not find bafy', 'context deadline exceeded'])(
    'unless it speaks as Kubo does: %s',
    async (message) => {
      kubo.answer = saysInKubosWords(message);
      await expect(store().get(leaf().cid)).rejects.toThrow(refusal('block_not_found'));
    },
  );
});
