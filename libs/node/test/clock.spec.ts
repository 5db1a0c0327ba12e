import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createLogger } from '@dta/service';
import {
  createClock,
  migrateDatabase,
  openDatabase,
  type Clock,
  type Database,
  type NodeOptions,
} from '../src/index.js';
import { refusal } from './refusal.js';
import { cast, RoleRig, type Cast } from './testing/index.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

let rig: RoleRig;
let members: Cast;
let options: NodeOptions;
let database: Database;
let setDatabase: (aheadMs: number) => Promise<void>;
let logged: string[];
/** ms that the process's clock is ahead of the machine's */
let ahead: number;
/** ms that pass without any waiting, by the monotonic clock */
let passed: number;

beforeEach(async () => {
  rig = await RoleRig.open();
  members ??= await cast();
  options = await rig.prepare(members.f1, 'fiduciary', []);
  setDatabase = await rig.clockOf(options);
  database = await rig.intrude(options);
  logged = [];
  [ahead, passed] = [0, 0];
  const monotonic = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + passed);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await rig.close();
});

/** The clock of a process that starts now. */
const start = (): Clock =>
  createClock(
    database,
    createLogger({ name: 'test', destination: { write: (line: string) => logged.push(line) } }),
    () => Date.now() + ahead,
  );

/** Time goes by, everywhere alike, and the process looks every ten seconds. */
async function run(clock: Clock, ms: number): Promise<void> {
  const [own, shared, before] = [ahead, passed, await databaseAhead()];
  for (let at = 10_000; at <= ms; at += 10_000) {
    [ahead, passed] = [own + at, shared + at];
    await setDatabase(before + at);
    await clock.look();
  }
}

async function databaseAhead(): Promise<number> {
  const [row] = await database.query<{ ms: number }>('SELECT ms FROM public.clock_shift');
  return row?.ms ?? NaN;
}

/** Both clocks jump. */
async function jump(ms: number): Promise<void> {
  ahead += ms;
  await setDatabase((await databaseAhead()) + ms);
}

const kinds = () =>
  logged.flatMap((line) => {
    const { clock } = JSON.parse(line) as { clock?: string }; // as pino writes it
    return clock === undefined ? [] : [clock];
  });

describe('two clocks that agree', () => {
  test('are believed at once where the database was never looked at, and nothing is said', async () => {
    const clock = start();
    expect(clock.doubt?.kind).toBe('unknown');
    await clock.look();
    expect(clock.doubt).toBeNull();
    expect(clock.agrees).toBe(true);
    expect(Math.abs(clock.skewMs ?? Infinity)).toBeLessThan(10_000);
    expect(logged).toEqual([]);
  });

  test('whose last look was deleted are in doubt for an hour, and looked at again', async () => {
    await database.query('DELETE FROM clock');
    const clock = start();
    await clock.look();
    expect(clock.doubt?.kind).toBe('unsteady');
    await run(clock, 3_600_000);
    expect(clock.doubt).toBeNull();
  });

  test('may be 120 s apart, and no more, either way', async () => {
    const clock = start();
    await clock.look();
    for (const sign of [1, -1]) {
      ahead = sign * 115_000;
      expect(clock.doubt).toBeNull();
      ahead = sign * 125_000;
      expect(clock.doubt?.kind).toBe('skewed');
      expect(() => clock.assertAgrees()).toThrow(refusal('clock_skewed', sign > 0 ? '125 s ahead' : '125 s behind'));
    }
  });

  test('are believed after a restart, where it took no longer than two minutes', async () => {
    await start().look();
    await jump(115_000);
    const clock = start();
    await clock.look();
    expect(clock.doubt).toBeNull();
  });
});

describe("nothing that can't be undone is done", () => {
  test.each([YEAR, -YEAR, 3 * MINUTE, -3 * MINUTE])(
    'where the own clock alone jumps by %d ms: at once, without another look',
    async (ms) => {
      const clock = start();
      await clock.look();
      ahead = ms;
      expect(clock.doubt?.kind).toBe('skewed');
      await expect(clock.confirm()).rejects.toThrow(refusal('clock_skewed'));
      ahead = 0;
      expect(clock.doubt).toBeNull();
    },
  );

  test("where the database's clock alone jumps, and for an hour after it is back", async () => {
    const clock = start();
    await clock.look();
    await setDatabase(YEAR);
    await clock.look();
    expect(clock.doubt?.kind).toBe('skewed');
    await setDatabase(0);
    await clock.look();
    expect(clock.agrees).toBe(true);
    expect(clock.doubt?.kind).toBe('unsteady');
    await run(clock, HOUR);
    expect(clock.doubt).toBeNull();
  });

  test.each([YEAR, -YEAR])('where both jump by %d ms: until they have run for an hour without a jump', async (ms) => {
    const clock = start();
    await clock.look();
    await jump(ms);
    expect(clock.doubt).not.toBeNull(); // the monotonic clock did not
    await clock.confirm(); // a date is all that can be wrong with what is signed
    expect(clock.doubt?.kind).toBe('unsteady');
    await run(clock, HOUR / 2); // and as long as the test takes
    expect(clock.doubt?.kind).toBe('unsteady');
    await run(clock, HOUR / 2);
    expect(clock.doubt).toBeNull();
  });

  test.each([YEAR, -YEAR])('where both have jumped by %d ms while the process was down', async (ms) => {
    await start().look();
    await jump(ms);
    const clock = start();
    await clock.look();
    expect(clock.agrees).toBe(true);
    expect(clock.doubt?.kind).toBe('unsteady');
    const replica = start();
    await replica.look();
    expect(replica.doubt?.kind).toBe('unsteady');
    await run(clock, HOUR);
    expect(clock.doubt).toBeNull();
  });

  test('where both creep, two minutes at a time: the monotonic clock does not', async () => {
    const clock = start();
    await clock.look();
    for (let at = 0; at < 3; at++) {
      await jump(100_000);
      await clock.look();
    }
    expect(clock.doubt?.kind).toBe('unsteady');
  });

  test('where the last look is a minute ago, or the first has not been', async () => {
    const clock = start();
    await clock.look();
    passed += 61_000;
    ahead += 61_000;
    expect(clock.doubt?.kind).toBe('unknown');
    expect(clock.agrees).toBe(true);
  });
});

test('a process that slept looks again before it refuses to sign', async () => {
  const clock = start();
  await clock.look();
  await jump(8 * HOUR); // by the monotonic clock no time has passed
  expect(() => clock.assertAgrees()).toThrow(refusal('clock_skewed'));
  await clock.confirm();
  expect(() => clock.assertAgrees()).not.toThrow();
});

test('a doubt is told once, once more an hour later, and when it is over', async () => {
  const clock = start();
  await clock.look();
  ahead = YEAR;
  for (let at = 0; at < 5; at++) await clock.look();
  expect(kinds()).toEqual(['skewed']);
  await run(clock, HOUR + 20_000);
  expect(kinds()).toEqual(['skewed', 'skewed']);
  ahead -= YEAR;
  await clock.look();
  expect(kinds()).toEqual(['skewed', 'skewed']);
  expect(logged.at(-1)).toContain('the clock is trusted again');
});

describe('a process that starts', () => {
  const levels = () => logged.map((line) => (JSON.parse(line) as { level: string }).level); // our own lines

  test('after a stop warns of nothing; of a jump that it sees afterwards it does', async () => {
    await start().look();
    await jump(10 * MINUTE);
    const clock = start();
    await clock.look();
    await run(clock, MINUTE);
    expect(clock.doubt?.kind).toBe('unsteady');
    expect([kinds(), levels()]).toEqual([['unsteady'], ['info']]);
    await jump(10 * MINUTE);
    await clock.look();
    await run(clock, MINUTE);
    expect([kinds(), levels()]).toEqual([
      ['unsteady', 'unsteady'],
      ['info', 'warn'],
    ]);
  });

  test('warns of a time that is before the one that was seen last', async () => {
    await start().look();
    await jump(-10 * MINUTE);
    const clock = start();
    await clock.look();
    expect([kinds(), levels()]).toEqual([['unsteady'], ['warn']]);
  });
});

test('a schema that was migrated twice has one row', async () => {
  await migrateDatabase(options.database);
  const again = await openDatabase(options.database);
  expect(await again.query('SELECT FROM clock')).toHaveLength(1);
  await again.close();
});
