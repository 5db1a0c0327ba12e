import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { isDtaError } from '@dta/errors';
import { Gate, waiterGate } from '../gate.js';
import { bytes, latch, newSubject, refusal, serve, text, until, type Case } from './rig.js';

/** Backpressure and drain. */
export const loadCases: readonly Case[] = [
  {
    name: 'keeps 500 requests at a time apart',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const handler = async ({ payload }: { payload: Uint8Array }) => {
        await delay(Math.trunc(Math.sqrt(payload.length)));
        return bytes(`reply to ${text(payload)}`);
      };
      await serve(b, subject, handler, { gate: new Gate({ inWork: 64, queued: 500 }) });
      const replies = await Promise.all(
        Array.from({ length: 500 }, (_, n) => a.request(subject, bytes(`${n}`), { timeoutMs: 10_000 })),
      );
      replies.forEach((reply, n) => assert.equal(text(reply), `reply to ${n}`));
    },
  },
  {
    name: 'answers busy beyond 32 in work and 32 waiting, over all subjects of a gate, and recovers',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subjects = [newSubject(), newSubject()];
      const gate = new Gate();
      const release = latch();
      let inWork = 0;
      let most = 0;
      for (const subject of subjects) {
        const handler = async () => {
          most = Math.max(most, ++inWork);
          await release.opened;
          inWork -= 1;
          return bytes('done');
        };
        await serve(b, subject, handler, { gate });
      }
      const send = (n: number) => a.request(subjects[n % 2] ?? '', bytes(''), { timeoutMs: 10_000 });
      const outcomes = Array.from({ length: 64 }, (_, n) => send(n));
      await until(() => gate.load.inWork === 32 && gate.load.queued === 32);
      for (let n = 0; n < 10; n += 1) {
        const error = await refusal(send(n), 'busy');
        assert.equal(error.metadata['retryAfterMs'], 500);
        assert.equal(error.metadata['remote'], true);
      }
      assert.equal(inWork, 32);
      release.open();
      assert.ok((await Promise.all(outcomes)).every((reply) => text(reply) === 'done'));
      assert.equal(most, 32);
      assert.deepEqual(gate.load, { inWork: 0, queued: 0 });
      assert.equal(text(await send(0)), 'done');
    },
  },
  {
    name: 'lets waiters wait beside the work, 1,000 at a time and none queued',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const [waiting, working] = [newSubject(), newSubject()];
      const release = latch();
      const gate = waiterGate();
      const wait = async () => {
        await release.opened;
        return bytes('waited');
      };
      await serve(b, waiting, wait, { gate });
      await serve(b, working, async () => bytes('worked'));
      const waiters = Array.from({ length: 1_000 }, () => a.request(waiting, bytes(''), { timeoutMs: 20_000 }));
      await until(() => gate.load.inWork === 1_000);
      await refusal(a.request(waiting, bytes(''), { timeoutMs: 5_000 }), 'busy');
      assert.equal(text(await a.request(working, bytes(''), { timeoutMs: 5_000 })), 'worked');
      release.open();
      assert.ok((await Promise.all(waiters)).every((reply) => text(reply) === 'waited'));
    },
  },
  {
    name: 'frees the place of a handler that fails',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const gate = new Gate({ inWork: 1, queued: 0 });
      await serve(b, subject, async () => Promise.reject(new Error('fault')), { gate });
      for (let n = 0; n < 5; n += 1) await refusal(a.request(subject, bytes(''), { timeoutMs: 5_000 }), 'internal');
    },
  },
  {
    name: 'drains: what is in work and waiting is answered, what comes later finds nobody, requests still go out',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const [subject, other] = [newSubject(), newSubject()];
      const release = latch();
      const gate = new Gate({ inWork: 1, queued: 2 });
      await serve(a, other, async () => bytes('asked on the way'));
      const handler = async () => {
        await release.opened;
        return b.request(other, bytes(''), { timeoutMs: 5_000 });
      };
      await serve(b, subject, handler, { gate });
      const outcomes = Array.from({ length: 3 }, () => a.request(subject, bytes(''), { timeoutMs: 5_000 }));
      await until(() => gate.load.inWork === 1 && gate.load.queued === 2);
      let closed = false;
      const closing = b.close().then(() => (closed = true));
      // full until the end of the subscription has reached the broker
      const refused = () => a.request(subject, bytes(''), { timeoutMs: 5_000 }).catch((error: unknown) => error);
      await until(async () => isDtaError(await refused(), 'service_unavailable'));
      await refusal(serve(b, newSubject(), handler), 'service_unavailable');
      assert.equal(closed, false);
      release.open();
      assert.deepEqual((await Promise.all(outcomes)).map(text), Array(3).fill('asked on the way'));
      await closing;
      assert.equal(b.connected(), false);
      await refusal(b.request(other, bytes(''), { timeoutMs: 5_000 }), 'service_unavailable');
      await b.close();
    },
  },
  {
    name: 'answers service_unavailable for what is unfinished at the drain limit, and begins nothing more',
    async check(open) {
      const [a, b] = [await open(), await open({ drainMs: 200 })];
      const subject = newSubject();
      const release = latch();
      const gate = new Gate({ inWork: 1, queued: 1 });
      let begun = 0;
      const handler = async () => {
        begun += 1;
        await release.opened;
        return bytes('too late');
      };
      await serve(b, subject, handler, { gate });
      const outcomes = [1, 2].map(() =>
        refusal(a.request(subject, bytes(''), { timeoutMs: 9_000 }), 'service_unavailable'),
      );
      await until(() => gate.load.queued === 1);
      const closing = performance.now();
      await b.close();
      assert.ok(performance.now() - closing < 6_000);
      for (const error of await Promise.all(outcomes)) assert.equal(error.metadata['remote'], true);
      release.open();
      await until(() => gate.load.inWork === 0);
      assert.equal(begun, 1);
    },
  },
  {
    name: 'stops one subject and goes on with the others',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const [first, second] = [newSubject(), newSubject()];
      const served = await serve(b, first, async () => bytes('first'));
      await serve(b, second, async () => bytes('second'));
      await a.request(first, bytes(''), { timeoutMs: 5_000 });
      await served.stop();
      await served.stop();
      await refusal(a.request(first, bytes(''), { timeoutMs: 5_000 }), 'service_unavailable');
      assert.equal(text(await a.request(second, bytes(''), { timeoutMs: 5_000 })), 'second');
    },
  },
  {
    name: 'ends the requests that wait when their own connection closes',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const release = latch();
      await serve(b, subject, async () => {
        await release.opened;
        return bytes('');
      });
      const outcome = refusal(a.request(subject, bytes(''), { timeoutMs: 9_000 }), 'service_unavailable');
      await a.close();
      await outcome;
      release.open();
    },
  },
];
