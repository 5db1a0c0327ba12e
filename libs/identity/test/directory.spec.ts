import { describe, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { IdentityDirectory, MAX_GENERATIONS, readIdentity, type Identity } from '@dta/identity';
import { newKey, newNode, rotated, type TestNode } from './node.js';
import { refusal } from './refusal.js';

const first = await newNode();
const second = await rotated(first);
const third = await rotated(second);
const rivalOfSecond = await rotated(first);
const afterRival = await rotated(rivalOfSecond);
const rivalOfThird = await rotated(second);
const stranger = await newNode({ roles: ['principal'] });
const bytesOf = (...nodes: TestNode[]) => nodes.map(({ identity }) => identity.bytes);
const cidsOf = (identities: readonly Identity[]) => identities.map(({ cid }) => cid);
const chain = cidsOf([first, second, third].map(({ identity }) => identity));
const unknown = cidOf(Uint8Array.of(0));

/** A directory that knows these. */
function knowing(...nodes: TestNode[]): IdentityDirectory {
  const directory = new IdentityDirectory();
  directory.add(bytesOf(...nodes));
  return directory;
}

describe('a directory', () => {
  test('takes documents in any order, also twice', () => {
    const directory = knowing(third, first, second, first, third);
    expect(cidsOf(directory.chainOf(second.identity.cid))).toEqual(chain);
    expect(directory.add(bytesOf(third))).toEqual([third.identity]);
    expect(directory.standingOf(first.identity.cid)).toBe('sound');
  });

  test('names a chain by its first document, and tells whether two are of one', () => {
    const directory = knowing(first, second, third, stranger);
    expect(directory.firstOf(third.identity.cid)).toBe(first.identity.cid);
    expect(directory.findFirst(second.identity.cid)).toBe(first.identity.cid);
    expect(directory.sameChain(first.identity.cid, third.identity.cid)).toBe(true);
    expect(directory.sameChain(first.identity.cid, stranger.identity.cid)).toBe(false);
  });

  test('knows what makes a document checkable, and what follows it', () => {
    const directory = knowing(first, second, third);
    expect(cidsOf(directory.lineageOf(second.identity.cid))).toEqual(chain.slice(0, 2));
    const newest = [first, second, third].map(({ identity }) => directory.isNewest(identity.cid));
    expect(newest).toEqual([false, false, true]);
    expect(directory.newestOf(first.identity.cid).cid).toBe(third.identity.cid);
  });

  test('says identity_not_found of what it does not know', () => {
    const directory = knowing(first);
    expect(directory.find(unknown)).toBeUndefined();
    expect(directory.findFirst(unknown)).toBeUndefined();
    for (const ask of [
      () => directory.get(unknown),
      () => directory.firstOf(unknown),
      () => directory.sameChain(first.identity.cid, unknown),
      () => directory.chainOf(unknown),
      () => directory.lineageOf(unknown),
      () => directory.standingOf(unknown),
    ]) {
      expect(ask).toThrow(refusal('identity_not_found'));
    }
  });

  test('reads by the reader that it was given, and so do those above it', () => {
    let reads = 0;
    const read = (bytes: Uint8Array) => {
      reads++;
      return readIdentity(bytes);
    };
    const below = new IdentityDirectory({ read });
    below.add(bytesOf(first));
    new IdentityDirectory({ below }).add(bytesOf(second));
    expect(reads).toBe(2);
  });
});

describe('a directory refuses', () => {
  test('a chain of more documents than one may have, and takes one of as many', async () => {
    const chain = [first];
    for (let last = first; chain.length < MAX_GENERATIONS + 1;) chain.push((last = await rotated(last)));
    const directory = knowing(...chain.slice(0, -1));
    expect(directory.chainOf(first.identity.cid)).toHaveLength(MAX_GENERATIONS);
    expect(() => directory.add(bytesOf(...chain.slice(-1)))).toThrow(refusal('identity_invalid'));
    expect(directory.chainOf(first.identity.cid)).toHaveLength(MAX_GENERATIONS);
  });

  test('a successor without its predecessor, and keeps nothing of it', () => {
    const directory = knowing(first);
    expect(() => directory.add(bytesOf(third))).toThrow(refusal('identity_invalid'));
    expect(directory.find(third.identity.cid)).toBeUndefined();
  });

  test('a succession by a retired or stolen key alone, and keeps nothing of it', async () => {
    const thief = newKey();
    const cases = [
      await rotated({ ...first, next: thief }),
      await rotated({ ...first, key: thief }),
      await rotated({ ...first, next: first.key }),
      await rotated(first, { roles: ['beneficiary'] }),
    ];
    const directory = knowing(first, second, third);
    for (const { identity } of cases) {
      expect(() => directory.add([identity.bytes])).toThrow(refusal('identity_invalid'));
      expect(directory.find(identity.cid)).toBeUndefined();
    }
    expect(directory.standingOf(first.identity.cid)).toBe('sound');
    expect(directory.lineOf(first.identity.cid)).toMatchObject({ rivals: [], forks: [] });
  });

  test('a document that does not verify', () => {
    const [bytes = new Uint8Array()] = bytesOf(first);
    const broken = bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
    expect(() => new IdentityDirectory().add([broken])).toThrow(refusal('identity_invalid'));
  });
});

const standing = (directory: IdentityDirectory) => directory.standingOf(first.identity.cid);
const lineOf = (directory: IdentityDirectory) => cidsOf(directory.chainOf(first.identity.cid));
const forksOf = (directory: IdentityDirectory) => cidsOf(directory.lineOf(first.identity.cid).forks);

describe('a second successor of the last document but one', () => {
  test('freezes the chain, for every document of it, and nobody is sealed to', () => {
    const directory = knowing(first, second, rivalOfSecond, stranger);
    for (const { identity } of [first, second, rivalOfSecond]) {
      expect(directory.standingOf(identity.cid)).toBe('frozen');
      expect(() => directory.newestOf(identity.cid)).toThrow(refusal('identity_frozen'));
    }
    expect(directory.standingOf(stranger.identity.cid)).toBe('sound');
    expect(cidsOf(directory.lineOf(first.identity.cid).rivals)).toEqual([rivalOfSecond.identity.cid]);
  });

  test('is seen further along the chain too, and never takes it back to a retired key', () => {
    const directory = knowing(first, second, third, rivalOfThird);
    expect(standing(directory)).toBe('frozen');
    expect(lineOf(directory)).toEqual(chain);
  });

  test('keeps it frozen whatever follows either of the two', () => {
    const directory = knowing(first, second, rivalOfSecond);
    directory.add(bytesOf(afterRival, third));
    expect(standing(directory)).toBe('frozen');
    expect(lineOf(directory)).toEqual(chain.slice(0, 2));
    expect(forksOf(directory)).toEqual([]); // no retired key has signed them
  });
});

describe('a second successor below that', () => {
  test('is evidence alone: the line that was seen first goes on', async () => {
    const directory = knowing(first, second, third);
    directory.add(bytesOf(rivalOfSecond));
    expect(standing(directory)).toBe('sound');
    expect(directory.newestOf(rivalOfSecond.identity.cid).cid).toBe(third.identity.cid);
    expect(forksOf(directory)).toEqual([rivalOfSecond.identity.cid]);
    expect(directory.isNewest(rivalOfSecond.identity.cid)).toBe(false);
    const fourth = await rotated(third);
    directory.add(bytesOf(fourth));
    expect(directory.newestOf(first.identity.cid).cid).toBe(fourth.identity.cid);
  });

  test('is evidence at each document that has a successor', async () => {
    const fourth = await rotated(third);
    const directory = knowing(first, second, third, fourth, rivalOfThird, rivalOfSecond);
    expect(standing(directory)).toBe('sound');
    expect(forksOf(directory)).toEqual(cidsOf([rivalOfThird, rivalOfSecond].map(({ identity }) => identity)));
  });

  test('leads nobody away, with as many after it as there may be', async () => {
    const directory = knowing(first, second, third, rivalOfSecond);
    directory.add(bytesOf(afterRival, await rotated(afterRival)));
    expect(lineOf(directory)).toEqual(chain);
    expect([standing(directory), forksOf(directory)]).toEqual(['sound', [rivalOfSecond.identity.cid]]);
  });
});

describe('a decision', () => {
  test('ends a freeze: the chain goes on with the document that it names, and with what follows that', async () => {
    for (const [kept, other] of [
      [second, rivalOfSecond],
      [rivalOfSecond, second],
    ] as const) {
      const directory = knowing(first, second, rivalOfSecond);
      directory.decide(kept.identity.cid, 'recovery');
      expect([standing(directory), forksOf(directory)]).toEqual(['sound', [other.identity.cid]]);
      expect(directory.newestOf(other.identity.cid).cid).toBe(kept.identity.cid);
      const later = [await rotated(third), await rotated(afterRival)] as const;
      directory.add(bytesOf(third, afterRival, ...later));
      const follows = kept === second ? later[0] : later[1];
      expect(directory.newestOf(first.identity.cid).cid).toBe(follows.identity.cid);
    }
  });

  test('takes a chain back from a thief that was first, wherever the two came apart', () => {
    const directory = knowing(first, rivalOfSecond, afterRival);
    directory.add(bytesOf(second, third));
    expect(lineOf(directory)).toEqual(cidsOf([first, rivalOfSecond, afterRival].map(({ identity }) => identity)));
    directory.decide(second.identity.cid, 'recovery');
    expect(lineOf(directory)).toEqual(chain);
  });

  test('leads nobody back: a document that follows the one it names stays the newest', () => {
    const directory = knowing(first, second, third, rivalOfSecond);
    directory.decide(second.identity.cid, 'recovery');
    expect(lineOf(directory)).toEqual(chain);
  });

  test('does not keep what it names from being forked later', () => {
    const directory = knowing(first, second, rivalOfSecond);
    directory.decide(second.identity.cid, 'recovery');
    directory.add(bytesOf(third, rivalOfThird));
    expect(standing(directory)).toBe('frozen');
    directory.decide(rivalOfThird.identity.cid, 'recovery');
    expect(directory.newestOf(first.identity.cid).cid).toBe(rivalOfThird.identity.cid);
    directory.decide(second.identity.cid, 'recovery'); // said again
    expect(directory.newestOf(first.identity.cid).cid).toBe(rivalOfThird.identity.cid);
  });

  test('by the recovery key stands, against the same key and against an operator', () => {
    const directory = knowing(first, second, rivalOfSecond);
    directory.decide(second.identity.cid, 'recovery');
    for (const by of ['recovery', 'operator'] as const)
      expect(() => directory.decide(rivalOfSecond.identity.cid, by)).toThrow(refusal('identity_invalid'));
    expect(lineOf(directory)).toEqual(chain.slice(0, 2));
  });

  test('by an operator gives way to another of its, and to the recovery key', () => {
    const directory = knowing(first, second, rivalOfSecond);
    const after = (kept: TestNode, by: 'operator' | 'recovery') => {
      directory.decide(kept.identity.cid, by);
      return directory.newestOf(first.identity.cid).cid;
    };
    expect(after(second, 'operator')).toBe(second.identity.cid);
    expect(after(rivalOfSecond, 'operator')).toBe(rivalOfSecond.identity.cid);
    expect(after(second, 'recovery')).toBe(second.identity.cid);
    directory.add(bytesOf(third, rivalOfThird));
    expect(after(rivalOfThird, 'operator')).toBe(rivalOfThird.identity.cid); // the recovery key said nothing of these
    expect(after(third, 'operator')).toBe(third.identity.cid);
  });

  test('by an operator for an earlier document takes nothing back', () => {
    const directory = knowing(first, second, third, rivalOfThird);
    directory.decide(rivalOfThird.identity.cid, 'operator');
    directory.decide(second.identity.cid, 'operator');
    expect(standing(directory)).toBe('sound');
    expect(directory.newestOf(first.identity.cid).cid).toBe(rivalOfThird.identity.cid);
  });

  test('by the recovery key counts as such, also for a document that an operator went beyond', () => {
    const directory = knowing(first, second, rivalOfSecond, third);
    directory.decide(third.identity.cid, 'operator');
    directory.decide(second.identity.cid, 'recovery');
    expect(lineOf(directory)).toEqual(chain);
    expect(() => directory.decide(rivalOfSecond.identity.cid, 'operator')).toThrow(refusal('identity_invalid'));
  });

  test('below holds above, and one above not below', () => {
    const below = knowing(first, second, rivalOfSecond);
    const above = new IdentityDirectory({ below });
    above.decide(second.identity.cid, 'operator');
    expect([standing(above), standing(below)]).toEqual(['sound', 'frozen']);
    below.decide(rivalOfSecond.identity.cid, 'recovery');
    expect(above.newestOf(first.identity.cid).cid).toBe(rivalOfSecond.identity.cid);
  });
});

describe('a revoked chain', () => {
  test('is revoked for every document of it, fork or not', () => {
    const directory = knowing(first, second, rivalOfSecond, stranger);
    directory.revoke(first.identity.cid);
    for (const { identity } of [first, second, rivalOfSecond]) {
      expect(directory.standingOf(identity.cid)).toBe('revoked');
    }
    expect(directory.standingOf(stranger.identity.cid)).toBe('sound');
  });
});

describe('a directory on top of another', () => {
  test('adds to it and leaves it as it was', () => {
    const below = knowing(first);
    const above = new IdentityDirectory({ below });
    above.add(bytesOf(second, stranger));
    expect(above.firstOf(second.identity.cid)).toBe(first.identity.cid);
    expect(cidsOf(above.chainOf(first.identity.cid))).toEqual(chain.slice(0, 2));
    expect(below.find(second.identity.cid)).toBeUndefined();
    expect(below.isNewest(first.identity.cid)).toBe(true);
    expect(below.find(stranger.identity.cid)).toBeUndefined();
  });

  test('freezes by a fork of which each knows one side, below only for itself', () => {
    const below = knowing(first, second);
    const above = new IdentityDirectory({ below });
    above.add(bytesOf(rivalOfSecond));
    expect(above.standingOf(second.identity.cid)).toBe('frozen');
    expect(below.standingOf(second.identity.cid)).toBe('sound');
  });

  test('is revoked by what is below, and revokes for itself alone', () => {
    const below = knowing(first, stranger);
    const above = new IdentityDirectory({ below: new IdentityDirectory({ below }) });
    below.revoke(first.identity.cid);
    above.add(bytesOf(second));
    expect(above.standingOf(second.identity.cid)).toBe('revoked');
    above.revoke(stranger.identity.cid);
    expect(above.standingOf(stranger.identity.cid)).toBe('revoked');
    expect(below.standingOf(stranger.identity.cid)).toBe('sound');
  });

  test('takes no harm when the one below learns the same document later', () => {
    const below = knowing(first);
    const above = new IdentityDirectory({ below });
    above.add(bytesOf(second));
    below.add(bytesOf(second));
    expect(above.standingOf(first.identity.cid)).toBe('sound');
    expect(lineOf(above)).toEqual(chain.slice(0, 2));
  });

  test('goes by what the one below learns later, before what it was given itself', () => {
    const below = knowing(first);
    const above = new IdentityDirectory({ below });
    above.add(bytesOf(rivalOfSecond));
    below.add(bytesOf(second, third));
    expect(lineOf(above)).toEqual(chain);
    expect([standing(above), forksOf(above)]).toEqual(['sound', [rivalOfSecond.identity.cid]]);
  });
});
