// budget: 400 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { encodeCanonical } from '@dta/codec';
import { MESSAGES_IN_WORK_MAX, MESSAGES_QUEUED_MAX } from '@dta/contracts';
import { toDtaError, isErrorCode } from '@dta/errors';
import { startCluster, type Cluster, type Operator } from '@dta/testkit';
import { connectNats, type Transport } from '@dta/transport';
import { randomBytes } from 'node:crypto';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';

// Whoever is inside an operator's own account at NATS sends everything but messages to every subject of every role, those of
// its gateway's calls too: ten times as many at once as an instance takes, for 30 s.
jest.setTimeout(300_000);

const FLOOD_MS = 30_000;
const AT_ONCE = 10 * (MESSAGES_IN_WORK_MAX + MESSAGES_QUEUED_MAX);

const verbs = {
  principal: ['identity', 'head'],
  beneficiary: ['enrol', 'manifest', 'commit', 'redeem', 'affirm', 'identity', 'head'],
  fiduciary: ['accept', 'deal', 'confirm', 'commit', 'release', 'receipt', 'affirm', 'identity', 'head'],
} as const;
const calls = {
  principal: ['place-order', 'await-order', 'redeem-order', 'get-order', 'list-orders'],
  beneficiary: ['reveal-secret'],
  fiduciary: [],
} as const;
const callsOfAll = ['status', 'list-identities', 'get-identity', 'admit-identity'];

const payloads: readonly (readonly [string, () => Uint8Array])[] = [
  ['nothing at all', () => new Uint8Array()],
  ['random bytes', () => new Uint8Array(randomBytes(1 + (randomBytes(1)[0] ?? 0) * 16))],
  ['1.5 MiB', () => new Uint8Array(1.5 * 1024 * 1024)],
  ['sound CBOR that is no bundle', () => encodeCanonical({ envelopes: 'none', at: 1, list: [[], {}, null] })],
  [
    'a bundle of no envelope',
    () => encodeCanonical({ envelopes: [new Uint8Array(randomBytes(500))], attachments: [], identities: [] }),
  ],
  ['CBOR in CBOR, a thousand deep', () => new Uint8Array(Array.from({ length: 1_000 }, () => 0x81))],
];

let cluster: Cluster | undefined;
let operator: Operator;
let transport: Transport;

beforeAll(async () => {
  cluster = await startCluster();
  operator = cluster.operator('first');
  const { url, user = '', password = '' } = operator.nats;
  transport = await connectNats({
    servers: [url],
    user,
    password,
    name: 'flood',
    minPayload: 0,
    onError: () => undefined,
  });
});

afterAll(async () => {
  await transport?.close();
  await cluster?.stop();
});

function subjects(): string[] {
  return operator.members.flatMap(({ idDocumentCID: node, role }) => [
    ...verbs[role].map((verb) => `dta.v1.${node}.${role}.${verb}`),
    ...[...calls[role], ...callsOfAll].map((call) => `dta.internal.${node}.${role}.${call}`),
  ]);
}

/** The code that something is answered with. */
const codeOf = (subject: string, payload: Uint8Array): Promise<string> =>
  transport.request(subject, payload, { timeoutMs: 20_000 }).then(
    () => 'answered',
    (error: unknown) => toDtaError(error).code,
  );

/** Orders a second, four at a time. */
async function orderRate(): Promise<number> {
  const begin = performance.now();
  const client = async () => {
    for (let orders = 0; orders < 5; orders += 1) await place(operator.api());
  };
  await Promise.all(Array.from({ length: 4 }, client));
  return 20_000 / (performance.now() - begin);
}

/** What is refused for being no message at all: never `internal`, which would be a defect of ours. */
const refused = /^(too_large|non_canonical|document_invalid|envelope_invalid|decryption_failed|request_invalid|busy)$/;

test('every subject refuses each of them with a stable code, one by one', async () => {
  const codes = new Set<string>();
  for (const subject of subjects()) {
    for (const [what, make] of payloads) {
      const code = await codeOf(subject, make());
      const isHead = subject.endsWith('.head') && what === 'nothing at all'; // which is how one asks for it
      expect([subject, what, code]).toEqual([subject, what, isHead ? 'answered' : expect.stringMatching(refused)]);
      codes.add(code);
    }
  }
  console.log(`${subjects().length} subjects answer with ${[...codes].sort().join(', ')}`);
});

test('ten times what they take, for 30 s: errors, no process ends, and orders go at their rate afterwards', async () => {
  await orderRate(); // everything is compiled and connected
  const before = await orderRate();
  const placed = await place(operator.api());
  const pids = cluster?.processes.map(({ pid }) => pid);

  const counts = new Map<string, number>();
  const all = subjects();
  const end = Date.now() + FLOOD_MS;
  const attacker = async (first: number) => {
    for (let at = first; Date.now() < end; at += 1) {
      const [what, make] = payloads[at % payloads.length] ?? ['', () => new Uint8Array()];
      if (what === '1.5 MiB' && at % 60 !== 2) continue; // NATS itself would be what is tried
      const code = await codeOf(all[(at * 7 + first) % all.length] ?? '', make());
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => attacker(at)));
  const said = [...counts].map(([code, times]) => `${times} × ${code}`).join(', ');

  expect(cluster?.processes.map(({ pid }) => pid)).toEqual(pids);
  let after = await orderRate(); // other work on the machine moves both: what lasts would not go by
  for (const limit = Date.now() + 60_000; after <= before / 2 && Date.now() < limit;) after = await orderRate();
  console.log(`${AT_ONCE} at once for 30 s: ${said}; orders/s before ${before.toFixed(1)}, after ${after.toFixed(1)}`);
  for (const code of counts.keys()) expect([code, code === 'answered' || isErrorCode(code)]).toEqual([code, true]);
  expect(counts.get('internal') ?? 0).toBe(0);
  expect([...counts.values()].reduce((sum, times) => sum + times, 0)).toBeGreaterThan(10 * AT_ONCE);
  expect(after).toBeGreaterThan(before / 2);
  expect(isPrivateKeyOf(await redeem(operator.api(), placed.orderReference), placed.commitment)).toBe(true);
  for (const process of cluster?.processes ?? []) {
    expect(process.logs().filter((line) => line.includes('"msg":"a message was not handled"'))).toEqual([]);
  }
});
