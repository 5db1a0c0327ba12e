import { describe, expect, test } from '@jest/globals';
import { beneficiaryTransitions, fiduciaryTransitions, next, principalTransitions } from '../src/index.js';
import { refusal } from './refusal.js';

// docs/protocol.md §6, the table of transitions, written down a second time: state, event, state after.
const principal = `
  none       place                      requested
  requested  enrol                      enrolled
  enrolled   deal                       dealing
  dealing    commit                     committed
  enrolled   commit                     committed   n = 1: on the one reply
  dealing    next-round                 dealing
  committed  redeem                     releasing
  releasing  good-receipt               released
  releasing  redemption-expires         committed
  released   redeem                     released    B answers from what it holds
  committed  renew                      renewing
  released   renew                      renewing
  renewing   renewal-ends               before
  requested  fail                       failed
  enrolled   fail                       failed
  dealing    fail                       failed
  requested  cancel                     cancelled
  enrolled   cancel                     cancelled
  dealing    cancel                     cancelled
  committed  cancellation-takes-effect  cancelled
  releasing  cancellation-takes-effect  cancelled
  released   cancellation-takes-effect  cancelled
  committed  keep-until-passes          expired
  releasing  keep-until-passes          expired
  released   keep-until-passes          expired`;

const fiduciary = `
  none       accept                     accepted
  accepted   deal                       dealt
  dealt      confirm                    confirmed
  confirmed  confirm                    confirmed   the Manifest of a next round
  confirmed  commit                     committed
  committed  commit                     committed   each certificate that P shows stays redeemable
  none       accept-alone               confirmed   n = 1
  accepted   cancel                     erased
  dealt      cancel                     erased
  accepted   setup-expires              erased
  dealt      setup-expires              erased
  confirmed  cancellation-takes-effect  erased
  committed  cancellation-takes-effect  erased
  confirmed  keep-until-passes          erased
  committed  keep-until-passes          erased`;

const beneficiary = `
  none       enrol                      enrolled
  enrolled   commit                     committed
  committed  hold                       held
  held       hold                       held        a later Redemption is answered from what it holds
  enrolled   co-sign-cancellation       closed
  enrolled   keep-until-passes          closed
  committed  cancellation-takes-effect  closed
  held       cancellation-takes-effect  closed
  committed  keep-until-passes          closed
  held       keep-until-passes          closed`;

type Rows = readonly (readonly [state: string, event: string, after: string])[];

function rowsOf(table: string): Rows {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [state = '', event = '', after = ''] = line.trim().split(/\s+/);
      return [state, event, after];
    });
}

describe.each([
  ['principal', principalTransitions, principal, ['failed', 'cancelled', 'expired']],
  ['fiduciary', fiduciaryTransitions, fiduciary, ['erased']],
  ['beneficiary', beneficiaryTransitions, beneficiary, ['closed']],
] as const)('%s', (_role, table, expected, last) => {
  const rows = rowsOf(expected);
  const states = [...new Set(rows.flatMap(([state, , after]) => [state, after]))].filter((state) => state !== 'before');
  const events = [...new Set(rows.map(([, event]) => event))];
  // every table by name: what a caller can't write, the types refuse
  const after = (state: string, event: string) =>
    next(table as Parameters<typeof next<string, string, string>>[0], state, event); // widened, see above

  test('has these states and events, and no other', () => {
    expect(Object.keys(table).sort()).toEqual([...states].sort());
    expect([...new Set(Object.values(table).flatMap((row) => Object.keys(row)))].sort()).toEqual([...events].sort());
  });

  test('every pair of state and event', () => {
    for (const state of states) {
      for (const event of events) {
        const row = rows.find(([from, by]) => from === state && by === event);
        if (row === undefined) {
          expect(() => after(state, event)).toThrow(refusal('order_state_conflict', '', { state, event }));
        } else expect(after(state, event)).toBe(row[2]);
      }
    }
  });

  test('nothing leaves a last state', () => {
    for (const state of last) {
      for (const event of events) expect(() => after(state, event)).toThrow(refusal('order_state_conflict'));
    }
  });
});
