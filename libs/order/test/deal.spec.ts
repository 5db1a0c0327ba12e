import { beforeAll, describe, expect, test } from '@jest/globals';
import { ascii, cidToBytes, concat, u32 } from '@dta/codec';
import { hpkeSeal, randomBytes, scalarToBytes, sha256, secp256k1 } from '@dta/crypto';
import type { StatementOf } from '@dta/identity';
import {
  acceptanceStatement,
  dealStatement,
  enrolmentStatement,
  forwardStatement,
  manifestStatement,
  type Author,
} from '../src/index.js';
import { keyForDealer } from '../src/acceptance.js';
import { isShareOf, sealedShareFor } from '../src/deal.js';
import { anyHash, flipped, replaced, restate, without, withMore } from './forge.js';
import { known, NOW, Parties, type Sent } from './parties.js';
import { refusal } from './refusal.js';

type Acceptance = StatementOf<typeof acceptanceStatement>;
type Deal = StatementOf<typeof dealStatement>;

const SETUP_BY = NOW + 15 * 60_000;

/** q, which is no scalar. */
const q = Uint8Array.from(secp256k1.scalarField.ORDER.toString(16).match(/../g) ?? [], (digits) =>
  Number.parseInt(digits, 16),
);

/** Words that belong to another setup than this order's first. */
const otherSetups = [
  ['another Enrolment', 'enrolment'],
  ['another epoch', { epoch: 1 }],
  ['a refresh', { mode: 'refresh' }],
  ['a base', { base: randomBytes(32) }],
  ['a Consent', 'consent'],
] as const;

function byMember<S extends { body: { issuer: unknown } }>(statements: readonly S[], { identity }: Author): S {
  return known(statements.find(({ body }) => body.issuer === identity.cid));
}

/** The message with its evidence the other way round. */
function inReverse(message: Sent): Sent {
  const [first, ...evidence] = message.statements;
  return { ...message, statements: [known(first), ...evidence.reverse()] };
}

test('a share is held against points of the curve alone', () => {
  expect(() => isShareOf(secp256k1, [new Uint8Array(33)], 1, scalarToBytes(secp256k1, 1n))).toThrow(
    refusal('point_invalid'),
  );
});

describe('a dealer', () => {
  let parties: Parties;
  let message: Sent;
  let acceptance: Acceptance;
  let forward: StatementOf<typeof forwardStatement>;

  beforeAll(async () => {
    parties = await Parties.before('deal', 3);
    message = parties.message('deal', 1);
    acceptance = byMember(parties.evidence.all(acceptanceStatement), parties.fiduciary(2).author);
    forward = parties.evidence.one(forwardStatement);
  });

  test('names the Acceptances in the order of their members, in whatever order they come', async () => {
    const { reply } = await parties.ask(inReverse(message));
    const [deal] = reply as Deal[]; // what the verb answers with
    const { acceptances, shares } = known(deal).body;
    for (const rows of [acceptances, shares]) expect(rows.map(([member]) => member)).toEqual([1, 2, 3]);
  });

  /** What P would send had these been the Acceptances. */
  const offering = async (changed: Sent): Promise<Sent> => {
    const said = changed.statements.filter(({ body }) => body.type === 'acceptance').map(({ cid }) => cid);
    return replaced(
      changed,
      forward,
      await restate(forwardStatement, forward, parties.principal, { statements: said }),
    );
  };
  const offer = async (changed: Sent) => parties.ask(await offering(changed));
  const by2 = (said: Partial<Acceptance['body']>) =>
    restate(acceptanceStatement, acceptance, parties.fiduciary(2).author, said);

  test.each(otherSetups)('takes no Acceptance of %s', async (_, said) => {
    const other = parties.order.ref;
    const words = said === 'enrolment' ? { enrolment: other } : said === 'consent' ? { consent: other } : said;
    await expect(offer(replaced(message, acceptance, await by2(words)))).rejects.toThrow(
      refusal('deal_invalid', 'another setup'),
    );
  });

  test.each([
    ['of a dealer missing', (keys: Acceptance['body']['keys']) => keys.slice(0, 2)],
    ['for a dealer that there is not', (keys: Acceptance['body']['keys']) => [...keys.slice(0, 2), [4, anyHash()]]],
  ] as const)('takes no Acceptance with a key %s', async (_, change) => {
    const keys = change(acceptance.body.keys) as Acceptance['body']['keys']; // rows of the same form
    await expect(offer(replaced(message, acceptance, await by2({ keys })))).rejects.toThrow(
      refusal('deal_invalid', 'one key for each dealer', { member: 2 }),
    );
  });

  test('takes no Acceptance of somebody whom the order does not name', async () => {
    const other = await restate(acceptanceStatement, acceptance, parties.beneficiary.author);
    await expect(offer(replaced(message, acceptance, other))).rejects.toThrow(refusal('identity_not_admitted'));
  });

  test('takes no second Acceptance of one member', async () => {
    await expect(offer(withMore(message, await by2({})))).rejects.toThrow(
      refusal('deal_invalid', 'two statements', { member: 2 }),
    );
  });

  test('needs the Acceptances of minDealers', async () => {
    await expect(offer(without(message, acceptance))).rejects.toThrow(refusal('deal_invalid', 'minDealers'));
  });

  test('knows its own Acceptance', async () => {
    const own = byMember(parties.evidence.all(acceptanceStatement), parties.fiduciary(1).author);
    const again = await restate(acceptanceStatement, own, parties.fiduciary(1).author);
    await expect(offer(replaced(message, own, again))).rejects.toThrow(
      refusal('order_state_conflict', 'Acceptance of this node'),
    );
    await expect(offer(without(message, own))).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('takes what P forwards by its own word, and exactly that', async () => {
    const short = await restate(forwardStatement, forward, parties.principal, {
      statements: forward.body.statements.slice(1),
    });
    await expect(parties.ask(replaced(message, forward, short))).rejects.toThrow(
      refusal('envelope_invalid', 'Forward'),
    );
    await expect(parties.ask(without(message, acceptance))).rejects.toThrow(refusal('envelope_invalid', 'Forward'));
    const foreign = await restate(forwardStatement, forward, parties.beneficiary.author);
    await expect(parties.ask(replaced(message, forward, foreign))).rejects.toThrow(refusal('signature_invalid'));
    await expect(parties.ask(without(message, forward))).rejects.toThrow(refusal('envelope_invalid', 'must be a'));
  });

  test('checks the Enrolment again', async () => {
    const enrolment = parties.evidence.one(enrolmentStatement);
    const other = await restate(enrolmentStatement, enrolment, parties.beneficiary.author, { pop: randomBytes(64) });
    await expect(offer(replaced(message, enrolment, other))).rejects.toThrow(refusal('pop_invalid'));
  });

  test('needs each key that it seals to, as it was made', async () => {
    const [first = new Uint8Array(), ...others] = message.attachments;
    for (const attachments of [others, [flipped(first), ...others], []]) {
      await expect(parties.ask({ ...message, attachments })).rejects.toThrow(refusal('attachment_invalid'));
    }
  });

  test('deals until setupBy, and once', async () => {
    await expect(parties.but({ now: SETUP_BY + 1 }).ask(message)).rejects.toThrow(refusal('setup_expired'));
    await expect(parties.but({ now: SETUP_BY }).ask(message)).resolves.toBeDefined();
    const dealt = await Parties.before('confirm', 3);
    await expect(dealt.ask(dealt.message('deal', 1))).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('deals fresh points, and no share that another could open', async () => {
    const [one, two] = [await parties.ask(message), await parties.ask(message)];
    const [first, second] = [one, two].map(({ reply }) => known(reply[0] as Deal | undefined)); // what the verb answers with
    expect(first?.body.points).not.toEqual(second?.body.points);
    expect(one.attachments.map((sealed) => sealed.length)).toEqual([1168, 1168, 1168]);
    expect(first?.body.shares).toEqual(one.attachments.map((sealed, at) => [at + 1, sha256(sealed)]));
  });
});

describe('a member, of a dealer that cheats,', () => {
  let parties: Parties;
  let message: Sent;
  let deal: Deal;
  let keys: readonly Uint8Array[];

  beforeAll(async () => {
    parties = await Parties.before('confirm', 3);
    message = parties.message('confirm', 1);
    deal = byMember(parties.evidence.all(dealStatement), parties.fiduciary(2).author);
    // what F1 made for its dealers, 1 to 3
    const { party } = message.addressee;
    keys = known(parties.answers.find((answer) => answer.verb === 'accept' && answer.party === party)).attachments;
  });

  const by2 = (said: Partial<Deal['body']>) => restate(dealStatement, deal, parties.fiduciary(2).author, said);

  /** P's message to F1 had the second Deal been this one. */
  const withDeal = async (other: Deal, attachments = message.attachments): Promise<Sent> => {
    const manifest = parties.evidence.one(manifestStatement);
    const deals = manifest.body.deals.map(([dealer, cid]): (typeof manifest.body.deals)[number] =>
      dealer === 2 ? [2, other.cid] : [dealer, cid],
    );
    const renamed = await restate(manifestStatement, manifest, parties.principal, { deals });
    return { ...replaced(replaced(message, deal, other), manifest, renamed), attachments };
  };
  const offer = async (other: Deal) => parties.ask(await withDeal(other));

  test('takes the honest Deal, in another wording', async () => {
    await expect(offer(await by2({}))).resolves.toBeDefined();
  });

  test('takes the honest Deals with what they rest on in whatever order', async () => {
    await expect(parties.ask(inReverse(message))).resolves.toBeDefined();
  });

  test.each(otherSetups)('takes no Deal of %s', async (_, said) => {
    const other = parties.order.ref;
    const words = said === 'enrolment' ? { enrolment: other } : said === 'consent' ? { consent: other } : said;
    await expect(offer(await by2(words))).rejects.toThrow(refusal('deal_invalid', 'another setup'));
  });

  test("takes no Deal under another's index, or by whom the order does not name", async () => {
    await expect(offer(await by2({ dealer: 3 }))).rejects.toThrow(
      refusal('deal_invalid', 'another than the dealer', { dealer: 3 }),
    );
    const foreign = await restate(dealStatement, deal, parties.beneficiary.author);
    await expect(offer(foreign)).rejects.toThrow(refusal('identity_not_admitted'));
  });

  test('counts the Deal that the Manifest names: another of the same dealer beside it changes nothing', async () => {
    const transcriptOf = async (sent: Sent) => {
      const [confirmation] = (await parties.ask(sent)).reply;
      return confirmation?.body.type === 'confirmation' ? confirmation.body.transcript : null;
    };
    const known = await transcriptOf(message);
    expect(known).toHaveLength(32);
    expect(await transcriptOf(withMore(message, await by2({})))).toEqual(known);
  });

  test('takes no Deal to other Acceptances', async () => {
    const { acceptances } = deal.body;
    const swapped = acceptances.map(([index], at): (typeof acceptances)[number] => [
      index,
      known(acceptances[(at + 1) % 3])[1],
    ]);
    const more: typeof acceptances = [...acceptances, [4, parties.order.ref]];
    const other = acceptances.map(([index, cid]): (typeof acceptances)[number] => [index === 3 ? 4 : index, cid]);
    for (const list of [acceptances.slice(1), [], swapped, more, other]) {
      await expect(offer(await by2({ acceptances: list }))).rejects.toThrow(
        refusal('deal_invalid', 'all acceptances', { dealer: 2 }),
      );
    }
  });

  test('takes no Deal without a share for each', async () => {
    const { shares } = deal.body;
    const more: typeof shares = [...shares, [4, anyHash()]];
    const other = shares.map(([member, hash]): (typeof shares)[number] => [member === 3 ? 4 : member, hash]);
    for (const list of [shares.slice(0, 2), more, other]) {
      await expect(offer(await by2({ shares: list }))).rejects.toThrow(
        refusal('deal_invalid', 'one share for each', { dealer: 2 }),
      );
    }
  });

  test('finds no share and no key for whom there is none', () => {
    const acceptance = byMember(parties.evidence.all(acceptanceStatement), parties.fiduciary(1).author);
    expect(() => sealedShareFor(deal, 4, message.attachments)).toThrow(refusal('deal_invalid', '', { member: 4 }));
    expect(() => keyForDealer(acceptance, 4, keys)).toThrow(refusal('deal_invalid', '', { dealer: 4 }));
  });

  test('takes no Deal of another degree: the secret would need more, or fewer, to open', async () => {
    const { points } = deal.body;
    for (const list of [points.slice(0, 1), [...points, ...points.slice(1)]]) {
      await expect(offer(await by2({ points: list }))).rejects.toThrow(
        refusal('deal_invalid', 'as many points', { dealer: 2 }),
      );
    }
  });

  test('takes no points that the dealer did not prove to know', async () => {
    const [c0, c1] = deal.body.points.map((point) => known(point));
    const [d0 = new Uint8Array(), d1 = new Uint8Array()] = byMember(
      parties.evidence.all(dealStatement),
      parties.fiduciary(3).author,
    ).body.points;
    for (const points of [
      [known(c0), d1],
      [d0, known(c1)],
      [known(c1), known(c0)],
    ]) {
      await expect(offer(await by2({ points }))).rejects.toThrow(refusal('pop_invalid', '', { dealer: 2 }));
    }
    await expect(offer(await by2({ pop: null }))).rejects.toThrow(refusal('pop_invalid', '', { dealer: 2 }));
    await expect(offer(await by2({ pop: randomBytes(64) }))).rejects.toThrow(refusal('pop_invalid', '', { dealer: 2 }));
  });

  test("takes no copy of another's points with that one's proof: a rogue key", async () => {
    const { points, pop } = byMember(parties.evidence.all(dealStatement), parties.fiduciary(3).author).body;
    await expect(offer(await by2({ points, pop }))).rejects.toThrow(refusal('pop_invalid', '', { dealer: 2 }));
  });

  test('takes no points off the curve', async () => {
    const off = new Uint8Array(33).fill(5);
    const [c0 = off, c1 = off] = deal.body.points;
    for (const points of [
      [off, c1],
      [c0, off],
    ]) {
      await expect(offer(await by2({ points }))).rejects.toThrow(refusal('point_invalid', '', { dealer: 2 }));
    }
  });

  test('blames the carrier for a sealed share that is missing or altered', async () => {
    const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = message.attachments;
    for (const attachments of [[first, third], [first, flipped(second), third], []]) {
      await expect(parties.ask({ ...message, attachments })).rejects.toThrow(refusal('attachment_invalid'));
    }
  });

  describe('names it for a wrong share, well sealed and signed:', () => {
    /** HPKE info of a share, as docs/protocol.md §6 says it. */
    const info = (dealer: number, member: number) =>
      concat(ascii('DTA-SHARE1'), cidToBytes(parties.order.ref), u32(0), u32(dealer), u32(member));
    /** The right share of dealer 2 for F1 is in its polynomial; any other is wrong. */
    const one = scalarToBytes(secp256k1, 1n);
    const key = (dealer: number) => known(keys[dealer - 1]);

    test.each([
      ['another scalar', () => hpkeSeal(key(2), info(2, 1), randomBytes(32).fill(0, 0, 1))],
      ['zero', () => hpkeSeal(key(2), info(2, 1), new Uint8Array(32))],
      ['the order of the group', () => hpkeSeal(key(2), info(2, 1), q)],
      ['a scalar above the order', () => hpkeSeal(key(2), info(2, 1), new Uint8Array(32).fill(0xff))],
      ['31 bytes', () => hpkeSeal(key(2), info(2, 1), randomBytes(31))],
      ['33 bytes', () => hpkeSeal(key(2), info(2, 1), randomBytes(33))],
      ['nothing', () => hpkeSeal(key(2), info(2, 1), new Uint8Array())],
      ['one sealed as for another member', () => hpkeSeal(key(2), info(2, 3), one)],
      ['one sealed under the key of another dealer', () => hpkeSeal(key(3), info(2, 1), one)],
      ['no sealed value at all', async () => randomBytes(1168)],
      ['not even of that length', async () => randomBytes(7)],
    ] as const)('%s', async (_, seal) => {
      const sealed = await seal();
      const shares = deal.body.shares.map(([member, hash]): (typeof deal.body.shares)[number] =>
        member === 1 ? [1, sha256(sealed)] : [member, hash],
      );
      const [first = sealed, , third = sealed] = message.attachments;
      const offered = await withDeal(await by2({ shares }), [first, sealed, third]);
      await expect(parties.ask(offered)).rejects.toThrow(refusal('deal_invalid', 'does not fit', { dealer: 2 }));
    });
  });
});
