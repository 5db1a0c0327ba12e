// budget: 400 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { decodeBundle, MAX_BUNDLE_BYTES, MAX_ENVELOPE_BYTES } from '@dta/envelope';
import { startCluster, type Cluster, type Operator } from '@dta/testkit';
import { recordNats, type NatsRecorder } from '../src/nats-recorder.js';
import { begin, isPrivateKeyOf, redeem, until } from '../src/orders.js';

// The most fiduciaries that an order may have, each a process of its own over real NATS and PostgreSQL.
jest.setTimeout(300_000);

const N = 32;
const THRESHOLD = 20;

let cluster: Cluster | undefined;
let operator: Operator;
let recorder: NatsRecorder | undefined;

beforeAll(async () => {
  cluster = await startCluster({ operators: [{ name: 'first', fiduciaries: N }] });
  operator = cluster.operator('first');
  recorder = await recordNats([operator.nats]);
});

afterAll(async () => {
  await recorder?.stop();
  await cluster?.stop();
});

/** The largest message of each step: the verb's own, and the answers to it. */
function largestMessages(): Map<string, { bundle: number; envelope: number }> {
  const verbs = new Map<string, string>();
  const largest = new Map<string, { bundle: number; envelope: number }>();
  for (const { subject, reply, payload, headers } of recorder?.messages ?? []) {
    const [, verb] = /^dta\.v1\.\w+\.(\w+\.\w+)$/.exec(subject) ?? [];
    if (verb !== undefined) verbs.set(reply, verb);
    const step =
      verb ?? (verbs.has(subject) && !headers.includes('Dta-Error') ? `answer to ${verbs.get(subject)}` : null);
    if (step === null) continue;
    const envelope = Math.max(...decodeBundle(payload).envelopes.map(({ length }) => length));
    const before = largest.get(step) ?? { bundle: 0, envelope: 0 };
    largest.set(step, {
      bundle: Math.max(before.bundle, payload.length),
      envelope: Math.max(before.envelope, envelope),
    });
  }
  return largest;
}

test('20 of 32: ordered, redeemed to the private key of its commitment, every message within its limits', async () => {
  const api = operator.api();
  const ref = await begin(api, { threshold: THRESHOLD });
  const { fiduciaries, commitment } = await until(api, ref, ({ state }) => state === 'committed', 180_000);
  expect(fiduciaries).toHaveLength(N);
  expect(isPrivateKeyOf(await redeem(api, ref), String(commitment))).toBe(true);
  await until(api, ref, ({ waitingFor }) => waitingFor.length === 0, 120_000);

  const steps = largestMessages();
  const rows = [...steps].map(([step, { envelope, bundle }]) => `${step.padEnd(34)}${envelope}  ${bundle}`);
  console.log(`largest of each step of 20-of-32    envelope  bundle, bytes\n${rows.join('\n')}`);
  const asked = ['enrol', 'manifest', 'commit', 'redeem'].map((verb) => `beneficiary.${verb}`);
  asked.push(...['accept', 'deal', 'confirm', 'commit', 'release', 'receipt'].map((verb) => `fiduciary.${verb}`));
  for (const verb of asked) expect([...steps.keys()]).toEqual(expect.arrayContaining([verb, `answer to ${verb}`]));
  for (const [step, { envelope, bundle }] of steps) {
    expect([step, envelope <= MAX_ENVELOPE_BYTES, bundle <= MAX_BUNDLE_BYTES]).toEqual([step, true, true]);
  }
});
