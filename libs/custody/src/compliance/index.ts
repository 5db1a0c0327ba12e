import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DtaError } from '@dta/errors';
import type { BeforeKey, Custody, KeyName } from '../custody.js';

/** Opens the store under test once more; two that are open at a time see the same keys, as two replicas do. */
export type OpenCustody = (beforeKey: BeforeKey) => Promise<Custody>;

/** One promise of the {@link Custody} port, checked. */
export interface ComplianceCase {
  readonly name: string;
  /** Rejects with an `AssertionError` where the promise isn't kept. Closes what it opened, destroys the keys it made. */
  run(open: OpenCustody): Promise<void>;
}

/** What a case is given: the store once open, a way to open it again, key names that are new. */
interface Rig {
  readonly custody: Custody;
  readonly reopen: (beforeKey?: BeforeKey) => Promise<Custody>;
  readonly key: KeyName;
  readonly other: KeyName;
}

const context = Buffer.from('context of the compliance suite');

/** Every case by name. */
const cases: Readonly<Record<string, (rig: Rig) => Promise<void>>> = {
  async 'opens what it sealed, from 0 bytes to 64 KiB'({ custody, key }) {
    for (const length of [0, 1, 32, 65_536]) {
      const plaintext = randomBytes(length);
      const sealed = await custody.seal(key, context, plaintext);
      assert.ok(sealed instanceof Uint8Array);
      assert.ok(same(await custody.open(key, context, sealed), plaintext), `${length} bytes`);
    }
  },

  async 'seals under an empty context and under a long one'({ custody, key }) {
    for (const named of [new Uint8Array(), randomBytes(1_024)]) {
      const sealed = await custody.seal(key, named, context);
      assert.ok(same(await custody.open(key, named, sealed), context));
    }
  },

  async 'asks before it makes a key, and then alone'({ custody, reopen, key, other }) {
    await custody.seal(key, context, randomBytes(16));
    const asked: KeyName[] = [];
    const asking = await reopen(async (name) => {
      asked.push(name);
      throw new DtaError('custody_invalid', 'no key may be made');
    });
    await asking.seal(key, context, randomBytes(16));
    assert.deepEqual(asked, []);
    assert.equal((await refusal(asking.seal(other, context, randomBytes(16)))).message, 'no key may be made');
    assert.deepEqual(asked, [other]);
    assert.ok(!(await custody.keys()).includes(other), 'a key that may not be made is not made');
  },

  async 'leaves its inputs as they were and keeps no hold of them'({ custody, key }) {
    const plaintext = randomBytes(64);
    const given = Uint8Array.from(plaintext);
    const sealed = await custody.seal(key, context, given);
    assert.ok(same(given, plaintext));
    given.fill(0);
    const copy = Uint8Array.from(sealed);
    assert.ok(same(await custody.open(key, context, sealed), plaintext));
    assert.ok(same(sealed, copy));
  },

  async 'refuses another context'({ custody, key }) {
    const sealed = await custody.seal(key, context, randomBytes(32));
    await refusesAll(custody, key, [
      [sealed, new Uint8Array()],
      [sealed, context.subarray(1)],
      [sealed, Buffer.concat([context, Uint8Array.of(0)])],
    ]);
  },

  async 'refuses another key, and one that was never made, without making it'({ custody, key, other }) {
    const sealed = await custody.seal(key, context, randomBytes(32));
    await refusesAll(custody, other, [[sealed, context]]);
    assert.ok(!(await custody.keys()).includes(other), 'opening makes no key');
    await custody.seal(other, context, randomBytes(32));
    await refusesAll(custody, other, [[sealed, context]]);
  },

  async 'refuses a flipped bit in every byte'({ custody, key }) {
    const sealed = await custody.seal(key, context, randomBytes(16));
    const flipped = Array.from(sealed.keys(), (at): [Uint8Array, Uint8Array] => [
      Uint8Array.from(sealed, (byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte)),
      context,
    ]);
    await refusesAll(custody, key, flipped);
  },

  async 'refuses what is cut short or has more at its end'({ custody, key }) {
    const sealed = await custody.seal(key, context, randomBytes(16));
    const cut = Array.from(sealed.keys(), (length): [Uint8Array, Uint8Array] => [sealed.subarray(0, length), context]);
    await refusesAll(custody, key, [...cut, [Buffer.concat([sealed, Uint8Array.of(0)]), context]]);
  },

  async 'says the same of everything that does not open'({ custody, key, other }) {
    const sealed = await custody.seal(key, context, randomBytes(16));
    const refusals = [
      await refusal(custody.open(key, context.subarray(1), sealed)),
      await refusal(custody.open(other, context, sealed)),
      await refusal(custody.open(key, context, sealed.subarray(1))),
      await refusal(custody.open(key, context, new Uint8Array())),
    ].map((error) => JSON.stringify(error));
    assert.equal(new Set(refusals).size, 1);
  },

  async 'never seals to the same bytes twice'({ custody, key }) {
    const sealed = await Promise.all(Array.from({ length: 20 }, () => custody.seal(key, context, context)));
    assert.equal(new Set(sealed.map(toHex)).size, 20);
  },

  async 'holds nothing of the plaintext in what it sealed'({ custody, key }) {
    const plaintext = randomBytes(32);
    assert.ok(!toHex(await custody.seal(key, context, plaintext)).includes(toHex(plaintext)));
  },

  async 'refuses a name that is none'({ custody }) {
    for (const name of ['', 'Period-1', 'period_1', '../identity', 'a'.repeat(41), '__proto__', 'é', 'a\n']) {
      assert.equal((await refusal(custody.seal(name, context, context))).code, 'custody_invalid', name);
      assert.equal((await refusal(custody.open(name, context, context))).code, 'custody_invalid', name);
    }
    for (const name of ['constructor', 'tostring']) await refusesAll(custody, name, [[context, context]]);
  },

  async 'lists its keys, sorted'({ custody, key, other }) {
    for (const name of [key, other]) await custody.seal(name, context, context);
    const keys = await custody.keys();
    assert.deepEqual(
      keys.filter((name) => name === key || name === other),
      [key, other].sort(),
    );
    assert.deepEqual(keys, [...keys].sort());
  },

  async 'never opens again what a destroyed key sealed; others open'({ custody, key, other }) {
    const sealed = await custody.seal(key, context, randomBytes(16));
    const kept = await custody.seal(other, context, context);
    await custody.destroy(key);
    await refusesAll(custody, key, [[sealed, context]]);
    assert.ok(!(await custody.keys()).includes(key));
    assert.ok(same(await custody.open(other, context, kept), context));
  },

  async 'destroys what is not there without a word'({ custody, key }) {
    await custody.destroy(key);
    await custody.seal(key, context, context);
    await custody.destroy(key);
    await custody.destroy(key);
    assert.ok(!(await custody.keys()).includes(key));
  },

  async 'makes another key under a name that was destroyed'({ custody, key }) {
    const sealed = await custody.seal(key, context, context);
    await custody.destroy(key);
    const again = await custody.seal(key, context, context);
    await refusesAll(custody, key, [[sealed, context]]);
    assert.ok(same(await custody.open(key, context, again), context));
  },

  async 'holds a destruction for everyone who has the store open'({ custody, reopen, key }) {
    const replica = await reopen();
    const sealed = await replica.seal(key, context, context);
    assert.ok(same(await replica.open(key, context, sealed), context));
    await custody.destroy(key);
    await refusesAll(replica, key, [[sealed, context]]);
    assert.ok(!(await replica.keys()).includes(key));
  },

  async 'does 100 operations at a time'({ custody, key, other }) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const name = i % 2 === 0 ? key : other;
        const plaintext = randomBytes(i);
        const sealed = await custody.seal(name, Uint8Array.of(i), plaintext);
        assert.ok(same(await custody.open(name, Uint8Array.of(i), sealed), plaintext));
        assert.equal((await refusal(custody.open(name, Uint8Array.of(i + 1), sealed))).code, 'custody_invalid');
      }),
    );
  },

  async 'makes one key where two replicas make it at once'({ custody, reopen, key }) {
    const openers = [custody, await reopen(), await reopen()];
    const sealed = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => opener(openers, i).seal(key, context, Uint8Array.of(i))),
    );
    for (const [i, bytes] of sealed.entries()) {
      for (const each of openers) assert.ok(same(await each.open(key, context, bytes), Uint8Array.of(i)));
    }
    assert.equal((await custody.keys()).filter((name) => name === key).length, 1);
  },

  async 'opens after being closed and opened again'({ custody, reopen, key }) {
    const sealed = await custody.seal(key, context, context);
    await custody.close();
    const again = await reopen();
    assert.ok(same(await again.open(key, context, sealed), context));
    assert.ok((await again.keys()).includes(key));
  },

  async 'does nothing more once it is closed'({ custody, key }) {
    await custody.close();
    await custody.close();
    for (const outcome of [
      custody.seal(key, context, context),
      custody.random(1),
      custody.keys(),
      custody.destroy(key),
    ]) {
      assert.equal((await refusal(outcome)).code, 'custody_unavailable');
    }
    assert.equal((await refusal(custody.open(key, context, context))).code, 'custody_unavailable');
  },

  async 'gives random bytes, as many as asked for and never twice'({ custody }) {
    for (const length of [0, 1, 16, 32, 4_096]) {
      assert.equal((await custody.random(length)).length, length);
    }
    const drawn = await Promise.all(Array.from({ length: 100 }, () => custody.random(32)));
    assert.equal(new Set(drawn.map(toHex)).size, 100);
  },

  async 'says what it is'({ custody }) {
    assert.match(custody.kind, /^[a-z0-9]+$/);
    assert.equal(typeof custody.erasesForCertain, 'boolean');
  },
};

/**
 * What every adapter of {@link Custody} keeps. Cases use keys of their own, so they may share a store, and one that is
 * in use already.
 *
 * @example
 * for (const { name, run } of custodyCompliance) test(name, () => run(open));
 */
export const custodyCompliance: readonly ComplianceCase[] = Object.entries(cases).map(([name, check]) => ({
  name,
  async run(open) {
    const opened: Custody[] = [];
    const reopen = async (beforeKey: BeforeKey = async () => undefined) => {
      const custody = await open(beforeKey);
      opened.push(custody);
      return custody;
    };
    const [key, other] = [newName(), newName()];
    try {
      await check({ custody: await reopen(), reopen, key, other });
    } finally {
      const cleaner = await reopen();
      for (const made of [key, other]) await cleaner.destroy(made);
      await Promise.all(opened.map((custody) => custody.close()));
    }
  },
}));

function newName(): KeyName {
  return `compliance-${randomBytes(8).toString('hex')}`;
}

/** Turn and turn about. */
function opener(openers: readonly Custody[], turn: number): Custody {
  const custody = openers[turn % openers.length];
  assert.ok(custody);
  return custody;
}

async function refusesAll(
  custody: Custody,
  key: KeyName,
  attempts: readonly [Uint8Array, Uint8Array][],
): Promise<void> {
  for (const [at, [sealed, named]] of attempts.entries()) {
    const error = await refusal(custody.open(key, named, sealed));
    assert.equal(error.code, 'custody_invalid', `attempt ${at}: ${error.message}`);
  }
}

/** The `DtaError` that `outcome` must reject with. */
async function refusal(outcome: Promise<unknown>): Promise<DtaError> {
  const error: unknown = await outcome.then(
    () => assert.fail('expected a refusal'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof DtaError, `expected a DtaError, got ${String(error)}`);
  return error;
}

/** By a boolean, so that an assertion that fails prints no plaintext. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return toHex(a) === toHex(b);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
