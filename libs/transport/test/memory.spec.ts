import { describe, expect, test } from '@jest/globals';
import { createMemoryBroker, Gate, type TransportMessage } from '@dta/transport';
import { transportCompliance } from '@dta/transport/compliance';

describe('memory transport', () => {
  const broker = createMemoryBroker();
  for (const { name, run } of transportCompliance) {
    test(name, () => run(async (options) => broker.connect(options)), 30_000);
  }

  test('delivers on a later tick', async () => {
    const transport = createMemoryBroker().connect();
    let called = false;
    const handler = async () => {
      called = true;
      return new Uint8Array();
    };
    await transport.serve('a', { group: 'g', gate: new Gate() }, handler);
    const outcome = transport.request('a', new Uint8Array(), { timeoutMs: 1_000 });
    await Promise.resolve();
    expect(called).toBe(false);
    await outcome;
    expect(called).toBe(true);
  });

  test('delivers twice on demand, and the caller gets one reply', async () => {
    const made = createMemoryBroker();
    const transport = made.connect();
    let calls = 0;
    const seen: number[] = [];
    const handler = async ({ payload }: TransportMessage) => {
      seen.push(...payload);
      payload.fill(0);
      return Uint8Array.of(++calls);
    };
    await transport.serve('a.b', { group: 'g', gate: new Gate() }, handler);
    await transport.serve('a.c', { group: 'g', gate: new Gate() }, handler);
    const end = made.duplicate((subject) => subject === 'a.b');
    expect(await transport.request('a.b', Uint8Array.of(7), { timeoutMs: 1_000 })).toEqual(Uint8Array.of(1));
    await transport.close();
    expect(calls).toBe(2);
    expect(seen).toEqual([7, 7]);
    const again = made.connect();
    await again.serve('a.c', { group: 'g', gate: new Gate() }, handler);
    await again.request('a.c', new Uint8Array(), { timeoutMs: 1_000 });
    end();
    await again.serve('a.b', { group: 'g', gate: new Gate() }, handler);
    await again.request('a.b', new Uint8Array(), { timeoutMs: 1_000 });
    await again.close();
    expect(calls).toBe(4);
  });
});
