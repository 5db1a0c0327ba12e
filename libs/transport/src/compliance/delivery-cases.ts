import assert from 'node:assert/strict';
import { latch, bytes, newSubject, refusal, serve, text, type Case } from './rig.js';

const echo = async ({ payload }: { payload: Uint8Array }) => payload;

/** What arrives, where, and what happens when nothing does. */
export const deliveryCases: readonly Case[] = [
  {
    name: 'carries any bytes both ways: none, all 256 values, 1 MiB',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      await serve(b, subject, echo);
      const all = Uint8Array.from({ length: 256 }, (_, value) => value);
      const large = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 31 + (index >> 8)) % 256);
      for (const payload of [new Uint8Array(0), all, large]) {
        const reply = await a.request(subject, payload, { timeoutMs: 5_000 });
        assert.equal(Object.getPrototypeOf(reply), Uint8Array.prototype);
        assert.ok(Buffer.from(payload).equals(reply), `${payload.length} bytes came back changed`);
      }
    },
  },
  {
    name: 'carries headers to the handler',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      await serve(b, subject, async ({ headers }) => bytes(JSON.stringify(Object.entries(headers).sort())));
      const headers = {
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        requestId: 'a b:c',
        ['__proto__']: 'p',
      };
      const reply = await a.request(subject, bytes(''), { timeoutMs: 5_000, headers });
      assert.deepEqual(JSON.parse(text(reply)), Object.entries(headers).sort());
    },
  },
  {
    name: 'refuses subjects and headers that could end a protocol line',
    async check(open) {
      const a = await open();
      for (const subject of ['', 'a b', 'a\r\nPUB x 0', 'a.*', 'a.>', '.a', 'a.', 'ä', 'a'.repeat(256)]) {
        await refusal(a.request(subject, bytes(''), { timeoutMs: 500 }), 'request_invalid');
        await refusal(serve(a, subject, echo), 'request_invalid');
      }
      for (const headers of [
        { 'a:b': 'c' },
        { 'a b': 'c' },
        { a: 'b\r\nc: d' },
        { '': 'a' },
        { a: ' b' },
        { a: 'ä' },
        { a: 'b'.repeat(4_096) },
      ]) {
        await refusal(a.request(newSubject(), bytes(''), { timeoutMs: 500, headers }), 'request_invalid');
      }
    },
  },
  {
    name: 'gives each message of a group to exactly one member, and to each of them in the long run',
    async check(open) {
      const a = await open();
      const subject = newSubject();
      const counts = [0, 0, 0];
      for (const member of counts.keys()) {
        await serve(await open(), subject, async () => {
          counts[member] = (counts[member] ?? 0) + 1;
          return bytes(String(member));
        });
      }
      for (let round = 0; round < 15; round += 1) {
        await Promise.all(Array.from({ length: 20 }, () => a.request(subject, bytes(''), { timeoutMs: 5_000 })));
      }
      assert.equal(
        counts.reduce((sum, count) => sum + count),
        300,
      );
      assert.ok(
        counts.every((count) => count > 0),
        `shared out as ${counts.join(', ')}`,
      );
    },
  },
  {
    name: 'says at once that nobody serves a subject',
    async check(open) {
      const a = await open();
      const begun = performance.now();
      const error = await refusal(a.request(newSubject(), bytes('x'), { timeoutMs: 10_000 }), 'service_unavailable');
      assert.ok(performance.now() - begun < 5_000);
      assert.equal(error.metadata['remote'], undefined);
    },
  },
  {
    name: 'ends a request at its time limit, and a late reply harms nothing',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const late = latch();
      await serve(b, subject, async ({ payload }) => {
        if (text(payload) === 'late') await late.opened;
        return payload;
      });
      const begun = performance.now();
      await refusal(a.request(subject, bytes('late'), { timeoutMs: 150 }), 'timeout');
      assert.ok(performance.now() - begun >= 140);
      late.open();
      for (const timeoutMs of [0, -1, NaN]) await refusal(a.request(subject, bytes('late'), { timeoutMs }), 'timeout');
      assert.equal(text(await a.request(subject, bytes('next'), { timeoutMs: 2 ** 40 })), 'next');
    },
  },
  {
    name: 'refuses a payload above the limit before sending, and a reply above it',
    async check(open) {
      const errors: unknown[] = [];
      const [a, b] = [await open(), await open({ onError: (error) => errors.push(error) })];
      const subject = newSubject();
      let calls = 0;
      await serve(b, subject, async ({ payload }) => {
        calls += 1;
        return text(payload) === 'large' ? new Uint8Array(b.maxPayload + 1) : new Uint8Array(0);
      });
      const error = await refusal(
        a.request(subject, new Uint8Array(a.maxPayload + 1), { timeoutMs: 5_000 }),
        'too_large',
      );
      assert.equal(error.metadata['remote'], undefined);
      const headers = { traceparent: 'x' };
      await refusal(a.request(subject, new Uint8Array(a.maxPayload), { timeoutMs: 5_000, headers }), 'too_large');
      assert.equal(calls, 0);
      await a.request(subject, new Uint8Array(a.maxPayload), { timeoutMs: 5_000 });
      const remote = await refusal(a.request(subject, bytes('large'), { timeoutMs: 5_000 }), 'too_large');
      assert.equal(remote.metadata['remote'], true);
      assert.ok(a.connected() && b.connected());
    },
  },
  {
    name: 'takes its own copy of what is sent, answered and received',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const answer = bytes('answer');
      const received: Uint8Array[] = [];
      await serve(b, subject, async ({ payload }) => {
        received.push(payload);
        setImmediate(() => answer.fill(0x2d));
        return answer;
      });
      const sent = bytes('question');
      const outcome = a.request(subject, sent, { timeoutMs: 5_000 });
      sent.fill(0x2d);
      assert.equal(text(await outcome), 'answer');
      assert.equal(text(received[0] ?? bytes('')), 'question');
      received[0]?.fill(0);
      assert.equal(text(sent), '--------');
    },
  },
];
