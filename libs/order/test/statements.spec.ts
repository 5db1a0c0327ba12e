import { beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf, cidToBytes, cidToLink } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import {
  acceptanceStatement,
  dealStatement,
  enrolmentStatement,
  Evidence,
  manifestStatement,
  redemptionStatement,
  requestStatement,
  type Author,
  type OrderStatement,
} from '../src/index.js';
import { plainBody, signPlain } from './forge.js';
import { known, Parties } from './parties.js';
import { refusal } from './refusal.js';

let parties: Parties;

beforeAll(async () => {
  parties = await Parties.before('redeem', 2);
});

const types = {
  request: requestStatement,
  enrolment: enrolmentStatement,
  acceptance: acceptanceStatement,
  deal: dealStatement,
  manifest: manifestStatement,
  redemption: redemptionStatement,
} as const;

function statementOf(type: keyof typeof types): OrderStatement {
  return known(parties.evidence.statements.find(({ body }) => body.type === type));
}

function authorOf({ body }: OrderStatement): Author {
  const all = [parties.principal, parties.beneficiary.author, ...parties.fiduciaries.map((node) => node.author)];
  return known(all.find(({ identity }) => identity.cid === body.issuer));
}

/** Reads the statement with other words in it, well signed by whoever made it. */
async function reread(statement: OrderStatement, said: object): Promise<void> {
  const bytes = await signPlain({ ...plainBody(statement), ...said }, authorOf(statement));
  Evidence.read(statement.cid, [bytes], parties.verifier);
}

const row = (index: number) => [index, randomBytes(32)];
const cid = cidToBytes(cidOf(randomBytes(8)));

describe('no statement has', () => {
  const names = Object.keys(types) as (keyof typeof types)[]; // its own keys
  test.each(names)('unknown fields, another version: %s', async (type) => {
    const statement = statementOf(type);
    await expect(reread(statement, { note: 'more' })).rejects.toThrow(refusal('document_invalid'));
    await expect(reread(statement, { v: 2 })).rejects.toThrow(refusal('document_invalid'));
    await expect(reread(statement, { type: 'other' })).rejects.toThrow(refusal('document_invalid'));
    await expect(reread(statement, { nonce: randomBytes(15) })).rejects.toThrow(refusal('document_invalid'));
    await expect(reread(statement, { createdAt: -1 })).rejects.toThrow(refusal('document_invalid'));
    const { nonce, ...rest } = plainBody(statement);
    const short = await signPlain(rest, authorOf(statement));
    expect(nonce).toHaveLength(16);
    expect(() => Evidence.read(statement.cid, [short], parties.verifier)).toThrow(refusal('document_invalid'));
  });

  test.each([
    ['request', 'threshold 0', 'body.threshold: ', { threshold: 0 }],
    ['request', 'threshold 33', 'body.threshold: ', { threshold: 33 }],
    ['request', 'no fiduciaries', 'body.fiduciaries: ', { fiduciaries: [] }],
    ['request', '33 fiduciaries', 'body.fiduciaries: ', { fiduciaries: Array.from({ length: 33 }, () => cid) }],
    ['request', 'another kind', 'body.kind: ', { kind: 'secret' }],
    ['request', 'another group', 'body.group: ', { group: 'p256' }],
    ['request', 'a realm', 'body.realm: ', { realm: {} }],
    [
      'request',
      'rules it does not know',
      'body.rules: unknown field',
      { rules: { notBefore: null, maxReleases: null, waitSeconds: null, more: 1 } },
    ],
    ['request', 'half a rule', 'body.rules.maxReleases: ', { rules: { notBefore: null } }],
    ['request', 'a beneficiary that is no CID', 'body.beneficiary: must be a CID', { beneficiary: randomBytes(36) }],
    ['enrolment', 'a point of 32 bytes', 'body.ec: must be 33 bytes', { ec: randomBytes(32) }],
    ['enrolment', 'a proof of 63 bytes', 'body.pop: must be 64 bytes', { pop: randomBytes(63) }],
    ['enrolment', 'a KEM key of another size', 'body.kem: must be 1216 bytes', { kem: randomBytes(1215) }],
    ['acceptance', 'a mode of its own', 'body.mode: ', { mode: 'again' }],
    ['acceptance', 'an epoch below 0', 'body.epoch: ', { epoch: -1 }],
    ['acceptance', 'indices that fall', 'body.keys: indices must be strictly rising', { keys: [row(2), row(1)] }],
    ['acceptance', 'an index twice', 'body.keys: indices must be strictly rising', { keys: [row(1), row(1)] }],
    ['acceptance', 'an index of 0', 'body.keys.0.0: ', { keys: [row(0), row(1)] }],
    ['acceptance', 'an index above 32', 'body.keys.1.0: ', { keys: [row(1), row(33)] }],
    ['deal', 'no points', 'body.points: ', { points: [] }],
    ['deal', '33 points', 'body.points: ', { points: Array.from({ length: 33 }, () => randomBytes(33)) }],
    ['deal', 'shares whose indices fall', 'body.shares: indices must be strictly rising', { shares: [row(2), row(1)] }],
    [
      'deal',
      'an acceptance twice',
      'body.acceptances: indices must be strictly rising',
      {
        acceptances: [
          [1, cid],
          [1, cid],
        ],
      },
    ],
    [
      'manifest',
      'a member twice',
      'body.members: indices must be strictly rising',
      {
        members: [
          [1, cid, null],
          [1, cid, null],
        ],
      },
    ],
    [
      'manifest',
      'a deal twice',
      'body.deals: indices must be strictly rising',
      {
        deals: [
          [1, cid],
          [1, cid],
        ],
      },
    ],
    ['manifest', 'a reason of its own', 'body.excluded.0.1: ', { excluded: [[1, 'dislike', null]] }],
    ['redemption', 'a transcript of 31 bytes', 'body.transcript: must be 32 bytes', { transcript: randomBytes(31) }],
  ] as const)('%s: %s', async (type, _, fault, said) => {
    const refused = await reread(statementOf(type), said).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'document_invalid',
      metadata: { faults: expect.arrayContaining([expect.stringContaining(fault)]) as unknown }, // Jest's matchers are any
    });
  });

  test('a link where a CID is its bytes: a recursive pin would follow it', async () => {
    const request = statementOf('request');
    const link = cidToLink(request.cid);
    for (const said of [{ beneficiary: link }, { fiduciaries: [link] }, { extension: { deep: [{ in: link }] } }]) {
      await expect(reread(request, said)).rejects.toThrow(refusal('document_invalid'));
    }
  });

  test('but an extension, which is open', async () => {
    const request = statementOf('request');
    const bytes = await signPlain({ ...plainBody(request), extension: { any: ['thing', 1] } }, parties.principal);
    const changed = () => Evidence.read(request.cid, [bytes], parties.verifier);
    expect(changed).toThrow(refusal('envelope_invalid', 'another order')); // read, and found to be another Request
  });
});
