import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError, toDtaError } from '@dta/errors';
import { Gate } from '../gate.js';
import type { Answered, TransportMessage } from '../transport.js';
import { bytes, latch, newSubject, refusal, serve, text, until, type Case } from './rig.js';

/** What a caller learns of a handler that fails. */
export const answeringCases: readonly Case[] = [
  {
    name: 'carries an error by code, message and metadata, marked as remote',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      await serve(b, subject, async () => {
        throw new DtaError('order_state_conflict', 'the order is closed: €', {
          metadata: { state: 'closed', attempt: 2, members: ['f1', 'f2'], empty: null, last: true },
          cause: new Error('hidden cause'),
        });
      });
      const error = await refusal(a.request(subject, bytes(''), { timeoutMs: 5_000 }), 'order_state_conflict');
      assert.equal(error.message, 'the order is closed: €');
      assert.deepEqual(error.metadata, {
        ...{ state: 'closed', attempt: 2, members: ['f1', 'f2'], empty: null, last: true },
        remote: true,
      });
    },
  },
  {
    name: 'tells who observes how each message was answered, and how long that took, those that were refused included',
    async check(open) {
      const answered: Answered[] = [];
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const { opened, open: openLatch } = latch();
      const gate = new Gate({ inWork: 1, queued: 0 });
      const handler = async ({ payload }: TransportMessage) => {
        if (text(payload) === 'refuse') throw new DtaError('forbidden', 'no');
        if (text(payload) === 'slow') await opened;
        return payload;
      };
      await serve(b, subject, handler, { gate, observe: (one) => answered.push(one) });
      const slow = a.request(subject, bytes('slow'), { timeoutMs: 5_000 });
      await until(() => gate.load.inWork === 1);
      await refusal(a.request(subject, bytes('one more'), { timeoutMs: 5_000 }), 'busy');
      await delay(60);
      openLatch();
      await slow;
      await refusal(a.request(subject, bytes('refuse'), { timeoutMs: 5_000 }), 'forbidden');
      await until(() => answered.length === 3);
      assert.deepEqual(
        answered.map(({ code }) => code),
        ['busy', 'ok', 'forbidden'],
      );
      assert.ok((answered[1]?.seconds ?? 0) >= 0.05, 'the time that it took');
      assert.ok(answered.every(({ seconds }) => seconds >= 0 && seconds < 5));
    },
  },
  {
    name: 'keeps what went wrong inside from the caller, and reports it',
    async check(open) {
      const errors: [unknown, string | undefined][] = [];
      const [a, b] = [await open(), await open({ onError: (error, subject) => errors.push([error, subject]) })];
      const faults: [string, () => Promise<Uint8Array>][] = [
        ['rejected', async () => Promise.reject(new Error('password 1234'))],
        [
          'thrown synchronously',
          () => {
            throw new Error('password 1234');
          },
        ],
        ['not an error', async () => Promise.reject({ password: 1234 })],
        ['wrapped', async () => Promise.reject(toDtaError(new Error('password 1234')))],
        ['nothing', async () => Promise.reject(undefined)],
        // @ts-expect-error: a handler without types may give anything
        ['no bytes', async () => 'password 1234'],
      ];
      for (const [name, handler] of faults) {
        const subject = newSubject();
        await serve(b, subject, handler);
        const error = await refusal(a.request(subject, bytes(''), { timeoutMs: 5_000 }), 'internal');
        assert.ok(!JSON.stringify([error, error.stack]).includes('1234'), name);
        assert.equal(errors.length, 1, name);
        assert.equal(errors.pop()?.[1], subject, name);
      }
    },
  },
  {
    name: 'answers even where the reporter of errors fails',
    async check(open) {
      const onError = () => {
        throw new Error('the reporter fails');
      };
      const [a, b] = [await open(), await open({ onError })];
      const subject = newSubject();
      await serve(b, subject, async () => Promise.reject(new Error('fault')));
      await refusal(a.request(subject, bytes(''), { timeoutMs: 5_000 }), 'internal');
    },
  },
  {
    name: 'cuts an error that is too long, in message and metadata',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      const long = 'é\n'.repeat(1024 * 1024);
      await serve(b, subject, async () => {
        throw new DtaError('terms_invalid', long, {
          metadata: { long, list: Array.from({ length: 9_999 }, () => long) },
        });
      });
      const error = await refusal(a.request(subject, bytes(''), { timeoutMs: 5_000 }), 'terms_invalid');
      assert.ok(error.message.length <= 500 && !error.message.includes('\n'));
      assert.ok(JSON.stringify(error.metadata).length < 32 * 1024);
    },
  },
  {
    name: 'goes on answering whatever bytes arrive',
    async check(open) {
      const [a, b] = [await open(), await open()];
      const subject = newSubject();
      await serve(b, subject, async ({ payload }) => bytes(JSON.stringify(JSON.parse(text(payload)))));
      for (let length = 0; length < 200; length += 1) {
        const noise = Uint8Array.from({ length }, (_, index) => (index * 7919 + length * 104_729) % 256);
        await a.request(subject, noise, { timeoutMs: 5_000 }).catch((error: unknown) => {
          assert.ok(error instanceof DtaError);
          assert.equal(error.code, 'internal');
        });
      }
      assert.equal(text(await a.request(subject, bytes('[1]'), { timeoutMs: 5_000 })), '[1]');
    },
  },
];
