import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PublishingRole } from './publishing.js';
import { dta, type Ending } from './run-dta.js';

let folder: string;
let role: PublishingRole;
let seen: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-log-'));
  seen = join(folder, 'seen');
  role = await PublishingRole.open(join(folder, 'store'), 'fiduciary');
  for (let seq = 0; seq < 3; seq++) await role.publish();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const verify = (head: Cid, ...more: string[]) =>
  dta(['verify-log', '--folder', join(folder, 'store'), '--head', head, '--seen', seen, ...more]);
const isSound = (ending: Ending) =>
  expect(ending).toMatchObject({ status: 0, errors: '', output: expect.stringMatching(/^sound  /) });
const isFaulty = (ending: Ending, code: string) =>
  expect(ending).toMatchObject({
    status: 2,
    errors: '',
    output: expect.stringMatching(new RegExp(`^FAULT  .*: ${code}: .*\\{.*\\}\n$`)),
  });

test('a sound log is said to be so, with what it holds', async () => {
  const { cid } = role.identity;
  const ending = await verify(role.head, '--role', 'fiduciary', '--node', cid);
  expect(ending).toEqual({
    status: 0,
    errors: '',
    output: `sound  fiduciary ${cid}: 3 segments, 6 envelopes, head ${role.head}\n`,
  });
  expect(JSON.parse(await readFile(seen, 'utf8'))).toEqual({
    logs: [{ identity: cid, role: 'fiduciary', segment: role.head, seq: 2 }],
  });
  await role.publish();
  isSound(await verify(role.head));
  expect(JSON.parse(await readFile(seen, 'utf8'))).toMatchObject({ logs: [{ segment: role.head, seq: 3 }] });
});

describe('a log that is not sound: status 2, and the code of', () => {
  test('a fork, also where it grew longer than what was seen; the head that was seen is kept', async () => {
    isSound(await verify(role.head));
    const before = await readFile(seen, 'utf8');
    const fork = role.restored(0);
    await fork.publish();
    isFaulty(await verify(fork.head), 'log_fork');
    await fork.publish();
    isFaulty(await verify(fork.head), 'log_fork');
    await fork.publish();
    isFaulty(await verify(fork.head), 'log_fork');
    expect(await readFile(seen, 'utf8')).toBe(before);
  });

  test('a rollback', async () => {
    isSound(await verify(role.head));
    isFaulty(await verify(role.restored(1).head), 'log_rollback');
  });

  test('a gap', async () => {
    await role.publish({ seq: 4 });
    isFaulty(await verify(role.head), 'log_gap');
  });

  test.each<[string, (of: PublishingRole) => Cid | undefined]>([
    ['segment', (of) => of.segments[1]],
    ['envelope', (of) => of.envelopes[0]],
    ['Identity Document', (of) => of.identity.cid],
  ])('a block that is missing, or altered, which it names: %s', async (_name, which) => {
    const cid = which(role) ?? role.head;
    await role.damage(cid, 'altered');
    const altered = await verify(role.head);
    isFaulty(altered, 'block_invalid');
    await role.damage(cid, 'lost');
    const missing = await verify(role.head);
    isFaulty(missing, 'block_not_found');
    for (const { output } of [altered, missing]) expect(output).toContain(cid);
  });

  test('a signature by another key', async () => {
    const other = await PublishingRole.open(join(folder, 'store'), 'fiduciary');
    const forger = other.restored(-1);
    await forger.publish({ issuer: role.identity.cid });
    isFaulty(await verify(forger.head), 'signature_invalid');
  });

  test('another role or identity than was asked for', async () => {
    isFaulty(await verify(role.head, '--role', 'principal'), 'segment_invalid');
    const other = await PublishingRole.open(join(folder, 'store'), 'fiduciary');
    isFaulty(await verify(role.head, '--node', other.identity.cid), 'segment_invalid');
  });
});

describe('by the heads that a node tells', () => {
  let server: Server;
  let heads: { role: string; nodeCID: Cid; head: { segment: Cid; seq: number } | null }[];
  let outcomes: { role: string; nodeCID: Cid; code: string }[];
  let asked: (string | undefined)[];

  beforeEach(async () => {
    [asked, outcomes] = [[], []];
    server = createServer((request, response) => {
      asked.push(request.url, request.headers.authorization);
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ heads, outcomes }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });

  afterEach(() => void server.close());

  const verifyAll = (...more: string[]) => {
    const { port } = server.address() as AddressInfo; // of TCP, as it listens
    const url = `http://127.0.0.1:${port}`;
    return dta(['verify-log', '--url', url, '--folder', join(folder, 'store'), '--seen', seen, ...more]);
  };
  const told = (of: PublishingRole, head: Cid | null = of.head) => ({
    ...{ role: of.role, nodeCID: of.identity.cid },
    head: head === null ? null : { segment: head, seq: 0 },
  });

  test('each log is verified by itself', async () => {
    const principal = await PublishingRole.open(join(folder, 'store'), 'principal');
    await principal.publish();
    await principal.publish({ seq: 5 });
    const idle = await PublishingRole.open(join(folder, 'store'), 'beneficiary');
    heads = [told(principal), told(role), told(idle, null)];
    await writeFile(join(folder, 'token'), 'the token\n');
    const ending = await verifyAll('--token-file', join(folder, 'token'));
    expect(ending.status).toBe(2);
    const [faulty, sound, empty] = ending.output.split('\n');
    expect(faulty).toMatch(new RegExp(`^FAULT  principal ${principal.identity.cid}: log_gap: `));
    expect(sound).toMatch(new RegExp(`^sound  fiduciary ${role.identity.cid}: `));
    expect(empty).toMatch(new RegExp(`^empty  beneficiary ${idle.identity.cid}: `));
    expect(asked).toEqual(['/v1/log/head', 'Bearer the token']);

    isSound(await verifyAll('--role', 'fiduciary'));
    isSound(await verifyAll('--node', role.identity.cid));
    heads = [told(role, null)];
    isFaulty(await verifyAll(), 'log_rollback');
  });

  test('a role that does not tell its head keeps no other from being verified, and is not passed over', async () => {
    const idle = await PublishingRole.open(join(folder, 'store'), 'beneficiary');
    heads = [told(role)];
    outcomes = [
      { role: 'fiduciary', nodeCID: role.identity.cid, code: 'ok' },
      { role: 'beneficiary', nodeCID: idle.identity.cid, code: 'service_unavailable' },
    ];
    const ending = await verifyAll();
    expect(ending).toMatchObject({ status: 1, errors: expect.stringMatching(/^dta: 1 of the roles do not tell/) });
    const [sound, away] = ending.output.split('\n');
    expect(sound).toMatch(/^sound  fiduciary /);
    expect(away).toBe(`away   beneficiary ${idle.identity.cid}: does not tell its head (service_unavailable)`);
    isSound(await verifyAll('--role', 'fiduciary'));
    isSound(await verifyAll('--node', role.identity.cid));
    expect((await verifyAll('--role', 'beneficiary')).status).toBe(1);
  });

  test('a node without such a role is said to be one', async () => {
    heads = [];
    expect(await verifyAll()).toMatchObject({
      status: 1,
      output: '',
      errors: expect.stringMatching(/^dta: .* no such role\n$/),
    });
  });
});

test('what stops an audit ends with 1, in one sentence', async () => {
  const one = async (args: string[], sentence: RegExp) => {
    const { status, output, errors } = await dta(['verify-log', ...args]);
    expect({ status, output, lines: errors.trim().split('\n').length }).toEqual({ status: 1, output: '', lines: 1 });
    expect(errors).toMatch(sentence);
    expect(errors).not.toContain('hidden');
  };
  const [store, head] = [
    ['--folder', join(folder, 'store')],
    ['--head', role.head],
  ] as const;
  await one([...head], /give the document store/);
  await one([...head, '--kubo', 'localhost:5001'], /--kubo is no address/);
  await one([...head, '--kubo', 'http://127.0.0.1:9'], /Kubo at 127\.0\.0\.1:9 does not answer/);
  const address = join(folder, 'kubo');
  for (const [text, sentence] of [
    ['http://user:hidden@127.0.0.1:9\n', /Kubo at 127\.0\.0\.1:9 does not answer/],
    ['user:hidden@127.0.0.1:9', /^dta: what \S+ holds is no address/],
    ['http://user:99/hidden@127.0.0.1:9', /^dta: what \S+ holds is no address/],
  ] as const) {
    await writeFile(address, text);
    await one([...head, '--kubo-file', address], sentence);
    await one([...head, '--kubo', text.trim()], /--kubo takes no user and password/);
  }
  await one([...head, '--kubo-file', join(folder, 'none')], /cannot read/);
  await one([...store, '--head', 'bafy'], /--head takes the CID/);
  await one([...store, '--url', 'http://127.0.0.1:9'], /127\.0\.0\.1:9/);
  await writeFile(seen, '{"logs":[{}]}');
  await one([...store, ...head, '--seen', seen], /holds no heads of logs, and stays as it is/);
  expect(await readFile(seen, 'utf8')).toBe('{"logs":[{}]}');
});
