import { describe, expect, test } from '@jest/globals';
import { toHex } from '@dta/codec';
import { secp256k1 } from '@dta/crypto';
import { Parties } from './parties.js';

const secretOf = (parties: Parties) => parties.beneficiary.secret('secret').value;

describe('an order from request to receipt, without a network', () => {
  test.each([
    [1, 1],
    [2, 3],
    [3, 5],
    [1, 2],
    [7, 10],
  ])('%i of %i: the released secret is the private key of the commitment', async (threshold, n) => {
    const parties = await Parties.of(n);
    await parties.place({ threshold, single: threshold === 1 && n > 1 });
    expect(parties.order.state).toBe('committed');
    const states = parties.fiduciaries.map(({ order }) => order?.state);
    expect(states).toEqual(states.map(() => 'committed'));
    expect(parties.beneficiary.order?.state).toBe('committed');

    await parties.redeem();
    expect(parties.order.state).toBe('released');
    expect(parties.beneficiary.order?.state).toBe('held');
    expect(toHex(secp256k1.publicPoint(secretOf(parties)))).toBe(toHex(parties.order.commitment ?? new Uint8Array()));
    expect(parties.beneficiary.secrets.map(({ name }) => name.what)).toEqual(['secret']);
    expect(parties.fiduciaries.flatMap(({ secrets }) => secrets.map(({ name }) => name.what))).toEqual(
      parties.fiduciaries.map(() => 'share'),
    );
  });

  test('2 of 3 redeems with one fiduciary down', async () => {
    const parties = await Parties.of(3);
    await parties.place();
    const [down] = parties.fiduciaries;
    await parties.redeem(new Set([down?.author.identity.cid ?? parties.order.ref]));
    expect(parties.order.state).toBe('released');
    expect(toHex(secp256k1.publicPoint(secretOf(parties)))).toBe(toHex(parties.order.commitment ?? new Uint8Array()));
  });
});
