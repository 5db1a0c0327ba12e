import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { internalSubject, MESSAGES_IN_WORK_MAX, MESSAGES_QUEUED_MAX } from '@dta/contracts';
import { makeCall } from '@dta/internal-call';
import type { Cast, RoleRig } from '@dta/node/testing';
import pg from 'pg';
import type { PrincipalOptions } from '../src/index.js';
import { startWithOneFiduciary } from './one-fiduciary.js';

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;

beforeAll(async () => {
  ({ rig, members, options } = await startWithOneFiduciary());
});

afterAll(() => rig.close());

/** One call as a gateway makes it, whose refusal is not tried again. */
async function call(name: 'principal.list-orders' | 'status', params: object): Promise<unknown> {
  const subject = internalSubject(members.p.identity.cid, 'principal', name.replace('principal.', ''));
  const sealed = { psk: options.psks[0], subject, gateway: 'test', now: Date.now() };
  const said = { caller: { token: null }, requestId: 'test', traceparent: null, params };
  const { bytes, readReply } = makeCall(name, sealed, said as Parameters<typeof makeCall>[2]); // params of its name
  return readReply(await rig.transport.request(subject, bytes, { timeoutMs: 60_000 }));
}

test('a principal that has as many orders in work as it takes says how it is all the same', async () => {
  const list = { after: null, page: 0, perPage: 1, sortBy: 'dateCreatedDsc', state: null, beneficiary: null };
  const client = new pg.Client({ connectionString: options.database.url });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE'); // what reads an order waits, and keeps its place
  try {
    const places = MESSAGES_IN_WORK_MAX + MESSAGES_QUEUED_MAX;
    const waiting = Array.from({ length: places }, () => call('principal.list-orders', list).catch(() => undefined));
    await expect(call('principal.list-orders', list)).rejects.toMatchObject({ code: 'busy' });
    expect(await call('status', {})).toMatchObject({ role: 'principal' });
    await client.query('ROLLBACK');
    await Promise.all(waiting);
  } finally {
    await client.end();
  }
});
