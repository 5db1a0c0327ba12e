import { describe, expect, test } from '@jest/globals';
import { CID } from 'multiformats/cid';
import { cidOf, cidToBytes, cidToLink } from '@dta/codec';
import { segmentStatement } from '@dta/envelope';
import { parseStatement, signStatement, verifySignature } from '@dta/identity';
import { newNode, NOW } from './node.js';

const node = await newNode('fiduciary');
const envelope = cidToLink(cidOf(Uint8Array.of(1)));
const signSegment = (envelopes: unknown[], seq = 0) =>
  signStatement(
    segmentStatement,
    {
      ...{ issuer: node.identity.cid, order: null, createdAt: NOW, role: 'fiduciary', seq, prev: null },
      envelopes: envelopes as CID[], // some tests give what is none
    },
    [node.key],
  );

test('a segment links its envelopes, and reads as it was signed', async () => {
  const { bytes, cid } = await signSegment([envelope]);
  const segment = parseStatement([segmentStatement], bytes);
  verifySignature(segment, node.key.publicKey);
  expect(segment.cid).toBe(cid);
  expect(segment.body).toMatchObject({ role: 'fiduciary', seq: 0, prev: null });
  expect(segment.body.envelopes.map(String)).toEqual([envelope.toString()]);
});

describe('a segment refuses', () => {
  test.each<[string, unknown[]]>([
    ['no envelope', []],
    ['the bytes of a CID for a link', [cidToBytes(cidOf(Uint8Array.of(1)))]],
    ['its text', [envelope.toString()]],
    ['a link to raw bytes', [CID.createV1(0x55, envelope.multihash)]],
    ['a link of version 0', [CID.createV0(envelope.multihash as never)]], // its type asks for sha2-256, which this is
    ['null', [null]],
  ])('%s', async (_name, envelopes) => {
    await expect(signSegment(envelopes)).rejects.toMatchObject({
      name: expect.stringMatching(/^(ZodError|DtaError)$/), // the schema or the codec, and no accident
    });
  });

  test('a number below 0', async () => {
    await expect(signSegment([envelope], -1)).rejects.toThrow();
  });
});
