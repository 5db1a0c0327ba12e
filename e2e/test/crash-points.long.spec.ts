// budget: 600 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startCluster, type AppProcess, type Cluster, type Member, type Operator, type RestApi } from '@dta/testkit';
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { query, statementsOf } from '../src/databases.js';
import { begin, expected, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';

// kill -9 of each role while others are in the very middle of a step: their commits wait in PostgreSQL. (Between two steps,
// and at random: crashes.spec.ts, chaos.long.spec.ts.)
jest.setTimeout(300_000);

let cluster: Cluster | undefined;
let operator: Operator;
let api: RestApi;

beforeAll(async () => {
  cluster = await startCluster();
  operator = cluster.operator('first');
  api = operator.api();
  for (const member of operator.members) await installHold(member);
});

afterAll(() => cluster?.stop());

/** Any number; the databases are the members' own. */
const LOCK = 4_711;

/** Lets a write of an order wait while somebody holds the lock: of the state that the table names. */
function installHold(member: Member): Promise<unknown[]> {
  return query(
    member,
    `CREATE SCHEMA hold;
     CREATE TABLE hold.states (state text);
     CREATE FUNCTION hold.wait() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF EXISTS (SELECT FROM hold.states WHERE state = NEW.state) THEN
           PERFORM pg_advisory_xact_lock_shared(${LOCK});
         END IF;
         RETURN NEW;
       END $$;
     CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION hold.wait();`,
  );
}

/** Holds the commits of a member that would reach `state`. */
async function hold(member: Member, state: string): Promise<{ waits(): Promise<boolean>; release(): Promise<void> }> {
  const client = new pg.Client({ connectionString: member.databaseUrl });
  await client.connect();
  await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
  await client.query('INSERT INTO hold.states VALUES ($1)', [state]);
  return {
    waits: async () => {
      const { rows } = await client.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.length > 0;
    },
    release: async () => {
      await client.query('DELETE FROM hold.states');
      await client.end(); // and with it the lock
    },
  };
}

function processOf(name: string): AppProcess {
  const [process] = name === 'gateway' ? operator.gateways : operator.member(name).processes;
  if (process === undefined) throw new Error(`no process of ${name}`);
  return process;
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 30_000; !(await holds()); await delay(20)) {
    if (Date.now() > limit) throw new Error('nobody came to the point');
  }
}

const victims = ['gateway', 'principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2'];

describe.each([
  ['enrols', 'beneficiary', 'enrolled', 'set up'],
  ['deals', 'fiduciary-2', 'dealt', 'set up'],
  ['confirms', 'fiduciary-2', 'confirmed', 'set up'],
  ['has the Commitment', 'fiduciary-2', 'committed', 'set up'],
  ['stores the secret', 'beneficiary', 'held', 'redeemed'],
] as const)('kill -9 while somebody %s: %s, about to be %s; the order is being %s', (_, held, state, phase) => {
  test.each(victims)('of the %s', async (victim) => {
    const placed = phase === 'redeemed' ? await place(api, { threshold: 3 }) : undefined;
    const holding = await hold(operator.member(held), state);
    let orderReference: string;
    try {
      if (placed === undefined) orderReference = await begin(api, { threshold: 3 });
      else {
        ({ orderReference } = placed);
        expected(202, await api.post('/v1/order/secret', { orderReference, wait: 0 }));
      }
      await eventually(() => holding.waits());
      await processOf(victim).kill9();
      await processOf(victim).restart();
    } finally {
      await holding.release();
    }
    const { commitment } = await until(api, orderReference, (order) => order.commitment !== null, 90_000);
    if (phase === 'redeemed') await until(api, orderReference, (order) => order.state === 'released', 90_000);
    expect(isPrivateKeyOf(await redeem(api, orderReference, 60), String(commitment))).toBe(true);
    const kept = await statementsOf(operator.member('principal'), orderReference);
    expect(kept['acceptance']).toHaveLength(3);
    expect(kept['deal']).toHaveLength(3);
    expect(kept['confirmation']).toHaveLength(3);
    for (const type of ['request', 'enrolment', 'manifest', 'commitment', 'redemption', 'receipt']) {
      expect([type, kept[type]?.length]).toEqual([type, 1]);
    }
  });
});
