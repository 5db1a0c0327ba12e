import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { OrderCursors, type ListPlace } from '../src/api/order-cursor.js';
import { beneficiary, cid, principal } from './fake-roles.js';
import { startSetup, type Setup } from './http.js';

const psk = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(8);
const place: ListPlace = {
  ...{ sortBy: 'dateCreatedAsc', state: 'committed', beneficiary: beneficiary.node },
  after: { createdAt: 1_700_000_000_999, ref: cid('last') },
};

describe('a cursor', () => {
  it('is read as it was written, by every gateway with that key', () => {
    const cursor = new OrderCursors([psk]).write(place);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(new OrderCursors([psk]).read(cursor)).toEqual(place);
    const whole = { ...place, state: null, beneficiary: null };
    expect(new OrderCursors([psk]).read(new OrderCursors([psk]).write(whole))).toEqual(whole);
  });

  it('is refused with any bit changed, cut, lengthened or written otherwise', () => {
    const cursors = new OrderCursors([psk]);
    const cursor = cursors.write(place);
    const bytes = Buffer.from(cursor, 'base64url');
    const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return copy.toString('base64url');
    });
    const cut = Array.from({ length: cursor.length }, (_, length) => cursor.slice(0, length));
    const others = [`${cursor}A`, `${cursor}=`, `${cursor}!`, ` ${cursor}`, cursor.replace('A', 'A\n'), 'x', 'AQ'];
    for (const text of [...flipped, ...cut, ...others]) {
      expect(() => cursors.read(text)).toThrow(expect.objectContaining({ code: 'cursor_invalid' }));
    }
  });

  it('is read under the old key too while that is replaced, and written under the new one', () => {
    const replaced = new OrderCursors([other, psk]);
    expect(replaced.read(new OrderCursors([psk]).write(place))).toEqual(place);
    expect(new OrderCursors([other]).read(replaced.write(place))).toEqual(place);
  });

  it('is refused under another key', () => {
    const cursor = new OrderCursors([other]).write(place);
    expect(() => new OrderCursors([psk]).read(cursor)).toThrow(expect.objectContaining({ code: 'cursor_invalid' }));
  });
});

describe('GET /v1/order by cursor', () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await startSetup();
  });
  afterAll(() => setup.stop());
  afterEach(() => setup.roles.reset());

  const next = { createdAt: 1_700_000_000_001, ref: cid('last of the page') };
  const first = async (query: string) => {
    setup.roles.answers['principal.list-orders'] = () => ({ orders: [], unreadable: [], total: 9, next });
    const { body } = await setup.http(`/v1/order?${query}`);
    setup.roles.reset();
    return String(body['next']);
  };
  const asked = () => setup.roles.seen.at(-1)?.served.params;

  it('goes on after the last order, by the order and the filters of its beginning', async () => {
    const cursor = await first(`sortBy=dateCreatedAsc&state=failed&beneficiary=${beneficiary.node}&page=3`);
    expect((await setup.http(`/v1/order?cursor=${cursor}&perPage=7`)).body['next']).toBeNull();
    const filter = { sortBy: 'dateCreatedAsc', state: 'failed', beneficiary: beneficiary.node };
    expect(asked()).toEqual({ after: next, page: 0, perPage: 7, ...filter });
    await setup.http(`/v1/order?cursor=${cursor}&sortBy=dateCreatedAsc&state=failed`);
    expect(asked()).toMatchObject(filter);
  });

  it.each([
    'page=0',
    'page=1',
    'sortBy=dateCreatedAsc',
    'sortBy=x',
    'state=committed',
    `beneficiary=${principal.node}`,
  ])('of all orders, newest first, does not go with ?%s where that is another list', async (query) => {
    const cursor = await first('');
    const answer = await setup.http(`/v1/order?cursor=${cursor}&${query}`);
    if (query === 'sortBy=x') return void expect(answer.status).toBe(200); // newest first, as every other word
    expect(answer).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
    expect(answer.body['errors']).toEqual([{ path: query.split('=')[0], message: expect.any(String) }]);
    expect(setup.roles.seen).toEqual([]);
  });

  it.each(['', 'x', 'AQ', 'a b', '%FF'])('refuses %j by a code of its own', async (cursor) => {
    const answer = await setup.http(`/v1/order?cursor=${encodeURI(cursor).replace('%25', '%')}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } });
    expect(setup.roles.seen).toEqual([]);
  });
});
