import { describe, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { IdentityDirectory, readIdentity, rotateIdentity, type Identity } from '@dta/identity';
import { newKey, newNode, newSaid, type TestNode } from './node.js';
import { refusal } from './refusal.js';

/** The next generation of a node. */
async function rotated({ identity, key }: TestNode): Promise<TestNode> {
  const [said, next] = [await newSaid({ roles: identity.roles }), newKey()];
  return { identity: await rotateIdentity(identity, said, next, key), key: next, said };
}

const first = await newNode();
const second = await rotated(first);
const third = await rotated(second);
const forkOfSecond = await rotated(first);
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
    expect(directory.successorsOf(first.identity.cid)).toEqual([second.identity.cid]);
    expect(directory.successorsOf(third.identity.cid)).toEqual([]);
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
  test('a successor without its predecessor, and keeps nothing of it', () => {
    const directory = knowing(first);
    expect(() => directory.add(bytesOf(third))).toThrow(refusal('identity_invalid'));
    expect(directory.find(third.identity.cid)).toBeUndefined();
  });

  test('a succession by a wrong key, and keeps nothing of it', async () => {
    const stolen = await rotateIdentity(first.identity, await newSaid(), newKey(), stranger.key);
    const directory = knowing(first);
    expect(() => directory.add([stolen.bytes])).toThrow(refusal('identity_invalid'));
    expect(directory.find(stolen.cid)).toBeUndefined();
    expect(directory.standingOf(first.identity.cid)).toBe('sound');
  });

  test('the same key again, and changed roles', async () => {
    const sameKey = await rotateIdentity(first.identity, await newSaid(), first.key, first.key);
    const roles = ['beneficiary'] as const;
    const promoted = await rotateIdentity(first.identity, await newSaid({ roles }), newKey(), first.key);
    for (const { bytes } of [sameKey, promoted]) {
      expect(() => knowing(first).add([bytes])).toThrow(refusal('identity_invalid'));
    }
  });

  test('a document that does not verify', () => {
    const [bytes = new Uint8Array()] = bytesOf(first);
    const broken = bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
    expect(() => new IdentityDirectory().add([broken])).toThrow(refusal('identity_invalid'));
  });
});

describe('a fork', () => {
  test('freezes the chain, for every document of it', () => {
    const directory = knowing(first, second, third, stranger);
    directory.add(bytesOf(forkOfSecond));
    for (const { identity } of [first, second, third, forkOfSecond]) {
      expect(directory.standingOf(identity.cid)).toBe('frozen');
    }
    expect(directory.standingOf(stranger.identity.cid)).toBe('sound');
    expect(cidsOf(directory.chainOf(third.identity.cid))).toEqual([first.identity.cid]);
    expect(directory.successorsOf(first.identity.cid)).toHaveLength(2);
  });

  test('is seen further along the chain too', async () => {
    const directory = knowing(first, second, third, await rotated(second));
    expect(directory.standingOf(first.identity.cid)).toBe('frozen');
    expect(directory.chainOf(first.identity.cid)).toHaveLength(2);
  });
});

describe('a revoked chain', () => {
  test('is revoked for every document of it, fork or not', () => {
    const directory = knowing(first, second, forkOfSecond, stranger);
    directory.revoke(first.identity.cid);
    for (const { identity } of [first, second, forkOfSecond]) {
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
    expect(below.successorsOf(first.identity.cid)).toEqual([]);
    expect(below.find(stranger.identity.cid)).toBeUndefined();
  });

  test('freezes by a fork of which each knows one side, below only for itself', () => {
    const below = knowing(first, second);
    const above = new IdentityDirectory({ below });
    above.add(bytesOf(forkOfSecond));
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
    expect(above.successorsOf(first.identity.cid)).toEqual([second.identity.cid]);
    expect(above.standingOf(first.identity.cid)).toBe('sound');
  });
});
