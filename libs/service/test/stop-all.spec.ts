import { describe, expect, test } from '@jest/globals';
import { stopAll } from '../src/index.js';

describe('stopAll', () => {
  let stopped: string[] = [];
  const part = (name: string, failure?: Error) => ({
    stop: async () => {
      stopped.push(name);
      if (failure !== undefined) throw failure;
    },
  });

  test('stops what began last first, and all of it, whatever fails', async () => {
    stopped = [];
    const failure = new Error('the role is stuck');
    await expect(stopAll([part('database'), part('role', failure), part('gateway')])).rejects.toBe(failure);
    expect(stopped).toEqual(['gateway', 'role', 'database']);
  });

  test('tells of every failure', async () => {
    const [one, two] = [new Error('one'), new Error('two')];
    const error: unknown = await stopAll([part('a', one), part('b', two)]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: 'two; one', errors: [two, one] });
  });

  test('is quiet where nothing fails', async () => {
    await expect(stopAll([part('a')])).resolves.toBeUndefined();
    await expect(stopAll([])).resolves.toBeUndefined();
  });
});
