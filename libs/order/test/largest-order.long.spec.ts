// budget: 150 s
import { beforeAll, expect, jest, test } from '@jest/globals';
import { encodeBundle, MAX_BUNDLE_BYTES, MAX_ENVELOPE_BYTES, sealEnvelope } from '@dta/envelope';
import { MAX_GENERATIONS, signStatement } from '@dta/identity';
import { affirmationStatement } from '../src/index.js';
import { known, NOW, Parties, successor, type Sent } from './parties.js';

// The largest order that there may be: 32 of 32, and a Request as large as one may be. What can be committed must be
// sendable to the end, so that no secret is stuck behind a size limit.
jest.setTimeout(120_000);

const N = 32;
/** What a Request may have beside its terms (MAX_REQUEST_BYTES). */
const EXTENSION_BYTES = 14_700;
let parties: Parties;

beforeAll(async () => {
  const extension = { filling: 'x'.repeat(EXTENSION_BYTES) };
  parties = await Parties.before('release', N, { threshold: N, extension });
});

/** The messages of a step: one envelope to all of them. */
function stepOf(verb: Sent['addressee']['verb']): Sent[] {
  const { statements } = known(parties.sent.find(({ addressee }) => addressee.verb === verb));
  return parties.sent.filter((message) => message.statements === statements);
}

async function sizesOf(
  messages: readonly Sent[],
  more: readonly Uint8Array[] = [],
): Promise<{ envelope: number; bundle: number }> {
  const { bytes } = await sealEnvelope(
    {
      sender: parties.principal.identity,
      from: 'principal',
      order: parties.order.ref,
      prev: [],
      log: true,
      recipients: messages.map(({ addressee: { party, role } }) => {
        return { id: party, role, kem: parties.directory.get(party).keys.kem };
      }),
      statements: [...known(messages[0]).statements.map((statement) => statement.bytes), ...more],
      now: NOW,
    },
    parties.principal.key,
  );
  const identities = parties.identities.map((identity) => identity.bytes);
  const bundles = messages.map(({ attachments }) =>
    encodeBundle({ envelopes: [bytes], attachments: [...attachments], identities }),
  );
  return { envelope: bytes.length, bundle: Math.max(...bundles.map(({ length }) => length)) };
}

test('and the largest message still fits where every party has changed its keys as often as it may', async () => {
  const { bytes } = (await successor(parties.principal)).identity;
  const more = (N + 2) * (MAX_GENERATIONS - 1) * (bytes.length + 3); // with its length before it
  const sizes = await sizesOf(stepOf('confirm'));
  console.log(
    `confirm of 32-of-32, all parties with ${MAX_GENERATIONS} documents: bundle ${sizes.bundle + more} bytes`,
  );
  expect(sizes.bundle + more).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
  expect((N + 2) * MAX_GENERATIONS).toBeLessThanOrEqual(512);
});

test('its Request is as large as a Request may be', async () => {
  const { bytes } = known(parties.statements[0]);
  expect(bytes.length).toBeGreaterThan(16 * 1024 - 256);
});

test.each(['enrol', 'accept', 'deal', 'confirm', 'commit', 'release'] as const)(
  'the message of %s fits an envelope and a bundle',
  async (verb) => {
    const messages = stepOf(verb);
    expect(messages.length).toBe({ enrol: 1, accept: N, deal: N, confirm: N + 1, commit: N + 1, release: N + 1 }[verb]);
    const { envelope, bundle } = await sizesOf(messages);
    console.log(`${verb} of 32-of-32: envelope ${envelope} bytes, largest bundle ${bundle} bytes`);
    expect(envelope).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES);
    expect(bundle).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
  },
);

test('a Redemption fits with what its principal affirms by new keys', async () => {
  const { identity, key } = parties.principal;
  const said = { issuer: identity.cid, order: parties.order.ref, createdAt: NOW };
  const own = Array.from({ length: 3 }, () => parties.order.ref); // Request, Manifest, Commitment
  const { bytes } = await signStatement(affirmationStatement, { ...said, statements: own }, [key]);
  const { envelope, bundle } = await sizesOf(stepOf('release'), [bytes]);
  console.log(`release of 32-of-32 with an Affirmation: envelope ${envelope} bytes, largest bundle ${bundle} bytes`);
  expect(envelope).toBeLessThanOrEqual(MAX_ENVELOPE_BYTES);
  expect(bundle).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
});

test('a Commitment that all have affirmed by new keys fits as well, to each in an envelope of its own', async () => {
  const everyone = [parties.principal, parties.beneficiary.author, ...parties.fiduciaries.map(({ author }) => author)];
  const affirmations = await Promise.all(
    everyone.map(async ({ identity, key }, at) => {
      const statements = Array.from({ length: at === 1 ? 1 : 3 }, () => parties.order.ref); // of B its Enrolment alone
      const said = { issuer: identity.cid, order: parties.order.ref, createdAt: NOW, statements };
      return (await signStatement(affirmationStatement, said, [key])).bytes;
    }),
  );
  const [toOne] = stepOf('commit');
  const { envelope, bundle } = await sizesOf([known(toOne)], affirmations);
  console.log(
    `commit of 32-of-32 with ${affirmations.length} Affirmations: envelope ${envelope} bytes, bundle ${bundle} bytes`,
  );
  expect(bundle).toBeLessThanOrEqual(MAX_BUNDLE_BYTES);
});
