// A plugin that does wrong in the way that an order's `how` asks for. Tests run it in a thread, as a node would.
import { execSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { definePlugin, refuse } from '../../src/index.js';

const anything = z.record(z.string(), z.unknown());
/** `mark`: a file, by which a deed knows that it was done before. */
const order = z.looseObject({ how: z.string().default('well'), mark: z.string().optional() });

const deeds: Record<string, (request: { mark?: string | undefined }) => unknown> = {
  'fails once': ({ mark = '' }) => {
    if (existsSync(mark)) return { done: true };
    writeFileSync(mark, '');
    throw new Error('hunter2');
  },
  well: () => ({ done: true }),
  refuses: () => refuse('not today'),
  'refuses at length': () => refuse('x'.repeat(10_000)),
  throws: () => {
    throw new Error('the password is hunter2');
  },
  'throws no error': () => {
    throw 'hunter2'; // what nobody should do
  },
  'throws later': () => {
    setTimeout(() => {
      throw new Error('hunter2');
    }, 0);
    return new Promise(() => undefined);
  },
  'never answers': () => new Promise(() => undefined),
  'never lets go': () => {
    for (;;);
  },
  'waits in the system': () => execSync('sleep 4'),
  'ends its thread': () => process.exit(0),
  'fills the heap': () => {
    const kept: unknown[] = [];
    for (;;) kept.push(new Array(10_000).fill(kept.length));
  },
  'fills memory with bytes': () => {
    const kept: Uint8Array[] = [];
    for (;;) kept.push(Buffer.alloc(1024 * 1024, 1));
  },
  'answers text': () => 'done',
  'answers another schema': () => ({ done: 'perhaps' }),
  'answers too much': () => ({ done: true, more: 'x'.repeat(5_000) }),
  'answers a fraction': () => ({ done: true, more: 0.5 }),
  'answers half a pair': () => ({ done: true, more: ['a\ud83d'] }),
  'answers half a pair as a name': () => ({ done: true, more: { '\ude00': 1 } }),
  'answers in circles': () => {
    const circle: Record<string, unknown> = { done: true };
    circle['more'] = circle;
    return circle;
  },
  'answers too deep': () => {
    let more: unknown = 1;
    for (let depth = 0; depth < 40; depth += 1) more = [more];
    return { done: true, more };
  },
  prints: () => {
    console.log('hunter2');
    process.stderr.write('hunter2');
    return { done: true };
  },
  'tells of its environment': () => ({ done: true, more: Object.keys(process.env).length }),
  'writes to a closed place': () => writeFileSync('/nowhere/at/all', 'x'),
};

export default definePlugin({
  apiVersion: 1,
  name: 'misbehaving',
  schemas: {
    order,
    request: z.looseObject({ how: z.string().optional(), mark: z.string().optional() }),
    placed: z.looseObject({ done: z.boolean() }),
    redemption: anything,
    redeemed: anything,
  },
  extendRequest: ({ how, hold, mark }) => {
    if (how === 'holds too much') return { request: { how }, held: new Uint8Array(2_000) };
    if (how === 'holds text') return { request: { how }, held: 'text' as unknown as Uint8Array }; // what nobody should do
    return {
      request: { how, ...(mark !== undefined && { mark }) },
      ...(typeof hold === 'string' && { held: Buffer.from(hold) }),
    };
  },
  answerOrder: async ({ request }) => (await deeds[request.how ?? 'well']?.(request)) as { done: boolean }, // or not
  validateRedemption: ({ redemption }) => {
    if (redemption['reason'] === undefined) refuse('give a reason');
  },
  answerRedemption: ({ secret, orderReferenceBytes, commitment, redemption }) => ({
    ...redemption,
    bytes: [secret, orderReferenceBytes, commitment].map((bytes) => Buffer.from(bytes).toString('hex')),
  }),
});
