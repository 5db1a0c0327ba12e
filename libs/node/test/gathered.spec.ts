import { expect, test } from '@jest/globals';
import { DtaError } from '@dta/errors';
import { Gathered } from '../src/gathered.js';

/** A run that answers each key by its double, when it is told to. */
function runs() {
  const asked: { keys: readonly number[]; answer(): void; fail(error: Error): void }[] = [];
  const run = (keys: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      asked.push({ keys, answer: () => resolve(keys.map((key) => key * 2)), fail: reject });
    });
  return { asked, run };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('what is asked for in one turn goes by one run, and each caller has its own answer', async () => {
  const { asked, run } = runs();
  const gathered = new Gathered(run);
  const answers = Promise.all([3, 1, 3].map((key) => gathered.ask(key)));
  await turn();
  expect(asked.map(({ keys }) => keys)).toEqual([[3, 1, 3]]);
  asked[0]?.answer();
  expect(await answers).toEqual([6, 2, 6]);
});

test('while enough runs are under way, what comes waits for the next, which begins after it was asked for', async () => {
  const { asked, run } = runs();
  const gathered = new Gathered(run, 2);
  const answers: Promise<number>[] = [];
  for (const key of [1, 2, 3, 4]) {
    answers.push(gathered.ask(key));
    await turn();
  }
  expect(asked.map(({ keys }) => keys)).toEqual([[1], [2]]);
  asked[1]?.answer(); // the first hangs, and holds nothing up
  await turn();
  expect(asked.map(({ keys }) => keys)).toEqual([[1], [2], [3, 4]]);
  asked[2]?.answer();
  expect(await Promise.all(answers.slice(1))).toEqual([4, 6, 8]);
});

test('one that can not be answered is no fault of those that were asked for with it', async () => {
  const gathered = new Gathered(async (keys: readonly number[]) => {
    if (keys.includes(2)) throw new Error('a damaged row');
    return keys.map((key) => key * 2);
  });
  const settled = await Promise.allSettled([1, 2, 3].map((key) => gathered.ask(key)));
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

test('runs that hang hold nothing up: after a while others begin beside them', async () => {
  const { asked, run } = runs();
  const gathered = new Gathered(run, 2);
  for (const key of [1, 2]) {
    void gathered.ask(key);
    await turn();
  }
  const third = gathered.ask(3);
  while (asked.length < 3) await turn();
  asked[2]?.answer();
  expect(await third).toBe(6);
});

test('a database that is away is the error of each caller of a run, and of no other', async () => {
  const { asked, run } = runs();
  const gathered = new Gathered(run, 1);
  const failed = Promise.allSettled([gathered.ask(1), gathered.ask(2)]);
  await turn();
  const later = gathered.ask(3);
  asked[0]?.fail(new DtaError('service_unavailable', 'away'));
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await turn();
  asked[1]?.answer();
  expect(await later).toBe(6);
  expect(asked).toHaveLength(2);
});
