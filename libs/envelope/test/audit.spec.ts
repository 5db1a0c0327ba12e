import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, cidToBytes, cidToLink, type Cid } from '@dta/codec';
import { auditLog, firstIdentity, type AuditedLog, type SeenHead } from '@dta/envelope';
import { identityStatement, MAX_GENERATIONS, signStatement } from '@dta/identity';
import { Blocks, Publishing } from './log.js';
import { newNode, rotated as rotatedNode, type TestNode } from './node.js';
import { refusal } from './refusal.js';

let node: TestNode;
let peer: TestNode;
let blocks: Blocks;
let log: Publishing;

beforeAll(async () => {
  [node, peer] = [await newNode('fiduciary'), await newNode('principal')];
});

/** A log of three segments of two envelopes each. */
beforeEach(async () => {
  blocks = new Blocks();
  log = new Publishing(blocks, node, peer);
  for (let seq = 0; seq < 3; seq++) await log.publish();
});

const audit = (said: Partial<AuditedLog> = {}) =>
  auditLog(blocks.read, { head: log.head, role: null, identity: null, seen: () => undefined, ...said });
const seeing = (head: SeenHead) => ({ seen: () => head });
const at = <T>(list: readonly T[], place: number): T => {
  const one = list.at(place);
  if (one === undefined) throw new Error('no such place');
  return one;
};

/** The node after a rotation, whose document is in the store. */
async function rotated(from: TestNode): Promise<TestNode> {
  const successor = await rotatedNode(from);
  blocks.put(successor.identity.bytes);
  return successor;
}

describe('an audit accepts', () => {
  test('an honest log, and says what it read', async () => {
    expect(await audit({ role: 'fiduciary', identity: node.identity.cid })).toEqual({
      ...{ identity: node.identity.cid, role: 'fiduciary', segments: 3, envelopes: 6 },
      head: { segment: log.head, seq: 2 },
    });
    expect(blocks.reads).toBe(3 + 6 + 1); // each block once
  });

  test('one whose head was seen before, or an earlier one', async () => {
    for (const [seq, segment] of log.segments.entries()) {
      expect(await audit(seeing({ seq, segment }))).toMatchObject({ segments: 3 });
    }
  });

  test('one whose signer rotated, under any document of its chain', async () => {
    const second = await rotated(node);
    await log.publish(1, { by: second });
    const late = await log.envelope(); // sealed before the rotation, published after it
    await log.segment([late], { by: second });
    const third = await rotated(second);
    for (const { identity } of [node, second, third]) {
      expect(await audit({ identity: identity.cid })).toMatchObject({
        identity: node.identity.cid,
        segments: 5,
        envelopes: 8,
      });
    }
  });
});

describe('an audit says', () => {
  test('fork: two segments of one number', async () => {
    const [first = log.head, second = log.head] = log.segments;
    const branch = new Publishing(blocks, node, peer);
    branch.segments.push(first);
    await branch.publish();
    await branch.publish();
    await expect(audit({ head: branch.head, ...seeing({ seq: 2, segment: log.head }) })).rejects.toThrow(
      refusal('log_fork'),
    );
    await expect(audit({ head: branch.head, ...seeing({ seq: 1, segment: second }) })).rejects.toThrow(
      refusal('log_fork'),
    );
    await expect(audit({ head: at(branch.segments, 1), ...seeing({ seq: 2, segment: log.head }) })).rejects.toThrow(
      refusal('log_fork'),
    );
    await branch.publish();
    await expect(audit({ head: branch.head, ...seeing({ seq: 2, segment: log.head }) })).rejects.toMatchObject({
      ...{ code: 'log_fork', metadata: { seq: 2, segment: at(branch.segments, 2), other: log.head } },
    });
  });

  test('fork: a segment that follows another of its own number', async () => {
    await log.publish(1, { body: { seq: 2 } });
    await expect(audit()).rejects.toThrow(refusal('log_fork', /two segments 2/));
  });

  test('rollback: an older head than was seen, also where the newer one is gone', async () => {
    const seen = seeing({ seq: 2, segment: log.head });
    for (const seq of [0, 1]) {
      await expect(audit({ head: at(log.segments, seq), ...seen })).rejects.toMatchObject({
        code: 'log_rollback',
        metadata: { seq, segment: at(log.segments, seq), seen: log.head, seenSeq: 2 },
      });
    }
    blocks.lose(log.head);
    await expect(audit({ head: at(log.segments, 1), ...seen })).rejects.toThrow(refusal('log_rollback'));
  });

  test.each([
    ['a number is left out', { seq: 4 }],
    ['a segment follows none', { prev: null }],
    ['numbers fall behind', { seq: 1 }],
  ])('gap: %s', async (_name, body) => {
    await log.publish(1, { body });
    const seq = ('seq' in body ? body.seq : 3) - 1; // of the segment that isn't there
    await expect(audit()).rejects.toMatchObject({ code: 'log_gap', metadata: { seq } });
  });

  test.each([
    ['segment', () => at(log.segments, 1)],
    ['first segment', () => at(log.segments, 0)],
    ['head', () => log.head],
    ['envelope', () => at(log.envelopes, 0)],
    ["signer's document", () => node.identity.cid],
  ])('which block is missing: a %s', async (_name, lost) => {
    blocks.lose(lost());
    await expect(audit()).rejects.toMatchObject({ code: 'block_not_found', metadata: { block: lost() } });
  });

  test.each([
    ['segment', () => at(log.segments, 1), () => at(log.segments, 0)],
    ['head', () => log.head, () => at(log.segments, 1)],
    ['envelope', () => at(log.envelopes, 3), () => at(log.envelopes, 1)],
    ["signer's document", () => node.identity.cid, () => log.head],
  ])('which block is another than its CID names: a %s', async (_name, altered, other) => {
    blocks.alter(altered(), await blocks.read(other()));
    await expect(audit()).rejects.toMatchObject({ code: 'block_invalid', metadata: { block: altered() } });
  });

  test('where a signature does not hold', async () => {
    await log.publish(1, { signature: (signature) => signature.map((byte, i) => (i === 5 ? byte ^ 1 : byte)) });
    await expect(audit()).rejects.toThrow(refusal('signature_invalid', /^segment 3: /));
    log.segments.pop();
    await log.publish();
    await log.publish(1, { by: { ...peer, identity: node.identity } });
    await log.publish();
    await expect(audit()).rejects.toThrow(refusal('signature_invalid', /^segment 4: /));
  });

  test('that a segment is by another identity, chain, generation or role', async () => {
    const other = await newNode('fiduciary');
    blocks.put(other.identity.bytes);
    await expect(audit({ identity: other.identity.cid })).rejects.toThrow(
      refusal('segment_invalid', /another identity/),
    );
    await expect(audit({ role: 'beneficiary' })).rejects.toThrow(refusal('segment_invalid', /of a fiduciary/));
    await log.publish(1, { by: other });
    await expect(audit()).rejects.toThrow(refusal('segment_invalid'));
    await log.publish();
    await expect(audit()).rejects.toThrow(refusal('segment_invalid', /^segment 3: .*another identity/));
    log.segments.splice(3);
    await log.publish(1, { body: { role: 'principal' } });
    await log.publish();
    await expect(audit()).rejects.toThrow(
      refusal('segment_invalid', /^segment 3: .*a principal in the log of a fiduciary/),
    );
  });

  test('that a predecessor signed after its successor', async () => {
    const second = await rotated(node);
    await log.publish(1, { by: second });
    await log.publish(1);
    await log.publish(1, { by: second });
    await expect(audit()).rejects.toThrow(refusal('segment_invalid', /^segment 3: /));
  });

  test('that an envelope is by a successor of who signed its segment, though a later segment is by that one', async () => {
    const second = await rotated(node);
    await log.segment([await log.envelope({}, second)]);
    await log.publish(1, { by: second });
    await expect(audit()).rejects.toThrow(refusal('envelope_invalid', /^segment 3: /));
  });

  test.each<[string, () => Promise<Cid>]>([
    ['not for the log', () => log.envelope({ log: false })],
    ['of another identity', async () => new Publishing(blocks, peer, node, 'principal').envelope()],
    ['by a successor of who signed the segment', async () => log.envelope({}, await rotated(node))],
    ['whose signature does not hold', () => log.envelope({}, { ...node, key: peer.key })],
  ])('that an envelope is %s', async (_name, envelope) => {
    await log.segment([await envelope()]);
    await expect(audit()).rejects.toThrow(refusal('envelope_invalid', /^segment 3: /));
  });

  test('that an envelope is of another role of the same node', async () => {
    const both = await newNode('principal', 'beneficiary');
    const aside = new Publishing(blocks, both, peer, 'beneficiary');
    await aside.segment([await new Publishing(blocks, both, node, 'principal').envelope()]);
    await expect(audit({ head: aside.head })).rejects.toThrow(refusal('envelope_invalid', /^segment 0: /));
  });

  test('that what is linked is no envelope', async () => {
    await log.segment([node.identity.cid]);
    await expect(audit()).rejects.toThrow(refusal('envelope_invalid', /^segment 3: /));
  });

  test.each<[string, (envelope: Cid) => Record<string, unknown>]>([
    ['an issuer', () => ({ issuer: null })],
    ['no order', (envelope) => ({ order: cidToBytes(envelope) })],
    ['each envelope once', (envelope) => ({ envelopes: [cidToLink(envelope), cidToLink(envelope)] })],
    ['an envelope', () => ({ envelopes: [] })],
  ])('that a segment has not %s', async (_name, body) => {
    const envelope = await log.envelope();
    await log.segment([envelope], { body: body(envelope) });
    await expect(audit()).rejects.toThrow(refusal('segment_invalid'));
  });

  test('that the first segment follows another', async () => {
    log.segments.splice(1);
    await log.publish(1, { body: { seq: 0 } });
    await expect(audit()).rejects.toThrow(refusal('segment_invalid', /^segment 0: /));
  });

  test('of which segment the previous one is missing', async () => {
    blocks.lose(at(log.segments, 1));
    await expect(audit()).rejects.toMatchObject({ code: 'block_not_found', metadata: { seq: 1 } });
  });

  test('that the signer has too many generations, and reads no more of them', async () => {
    const { key, identity } = node;
    const said = { issuer: null, order: null, createdAt: 0, name: 'node', roles: ['fiduciary' as const] };
    const keys = { sign: key.publicKey, kem: identity.keys.kem };
    let last = identity.cid;
    for (let generation = 2; generation <= MAX_GENERATIONS + 10; generation++) {
      const body = { ...said, keys, next: null, recovery: null, prev: last, extension: {} };
      last = blocks.put((await signStatement(identityStatement, body, [key, key])).bytes);
    }
    await log.segment([await log.envelope()], { body: { issuer: cidToBytes(last) } });
    await expect(audit()).rejects.toThrow(refusal('identity_invalid', /more than 12 documents/));
    expect(blocks.reads).toBe(1 + MAX_GENERATIONS);
  });

  test('that the head is no segment', async () => {
    await expect(audit({ head: node.identity.cid })).rejects.toThrow(refusal('segment_invalid'));
  });
});

describe('the first identity of a chain', () => {
  test('is read from the store, whichever of its documents is named', async () => {
    const second = await rotated(node);
    for (const { identity } of [node, second]) {
      expect(await firstIdentity(blocks.read, identity.cid)).toBe(node.identity.cid);
    }
  });

  test('is the document itself, where the store has none: its role has published nothing yet', async () => {
    const unpublished = await newNode('fiduciary');
    expect(await firstIdentity(blocks.read, unpublished.identity.cid)).toBe(unpublished.identity.cid);
  });

  test('is not told where the store gives something else', async () => {
    const cid = cidOf(Uint8Array.of(1));
    blocks.alter(cid, node.identity.bytes);
    await expect(firstIdentity(blocks.read, cid)).rejects.toThrow(refusal('block_invalid'));
  });
});
