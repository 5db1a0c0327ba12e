import { ascii, concat, u32 } from '@dta/codec';
import { hkdf, kemKeyPair, wipe } from '@dta/crypto';
import { attachmentHash, pickAttachment } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import type { Author, Evidence } from './evidence.js';
import { assertOfSetup, setupFields, type SetupTerms } from './setup.js';
import { acceptanceStatement, type Acceptance } from './statements.js';
import { memberIndex } from './terms.js';

/** The X-Wing seed [32] with which a member opens what dealer `dealer` sends it, and nothing else. */
export function dealerKeySeed(epochSeed: Uint8Array, dealer: number): Uint8Array {
  return hkdf(epochSeed, concat(ascii('DTA-KEY1'), u32(dealer)), 32);
}

/** The public half [1216] of the key for `dealer`. */
async function dealerPublicKey(epochSeed: Uint8Array, dealer: number): Promise<Uint8Array> {
  const own = dealerKeySeed(epochSeed, dealer);
  try {
    const { publicKey, seed } = await kemKeyPair(own);
    wipe(seed);
    return publicKey;
  } finally {
    wipe(own);
  }
}

/** Signs an Acceptance with one fresh key for each dealer; the public keys [1216], in dealers' order, are attachments. */
export async function signAcceptance(
  setup: SetupTerms,
  epochSeed: Uint8Array,
  dealers: readonly number[],
  author: Author,
  now: number,
): Promise<{ acceptance: Acceptance; attachments: Uint8Array[] }> {
  const publicKeys = await Promise.all(dealers.map((dealer) => dealerPublicKey(epochSeed, dealer)));
  const acceptance = await signStatement(
    acceptanceStatement,
    {
      issuer: author.identity.cid,
      order: setup.enrolment.body.order,
      createdAt: now,
      ...setupFields(setup),
      keys: dealers.map((dealer, at): [number, Uint8Array] => [
        dealer,
        attachmentHash(publicKeys[at] ?? new Uint8Array()),
      ]),
    },
    [author.key],
  );
  return { acceptance, attachments: publicKeys };
}

/**
 * Checks one Acceptance and says whose it is: the member's index.
 *
 * @throws `identity_not_admitted` where the order doesn't name its author, `deal_invalid` for another setup or where its
 * keys aren't one for each dealer
 */
export function verifyAcceptance(acceptance: Acceptance, setup: SetupTerms, evidence: Evidence): number {
  const { request } = evidence;
  const { issuer, keys } = acceptance.body;
  if (issuer === null) throw new DtaError('deal_invalid', 'Acceptance without an issuer');
  const index = memberIndex(request, issuer, evidence.directory);
  assertOfSetup(acceptance.body, setup);
  const dealers = request.body.fiduciaries.map((_, at) => at + 1);
  if (keys.length !== dealers.length || !keys.every(([dealer], at) => dealer === dealers[at])) {
    throw new DtaError('deal_invalid', 'an Acceptance has one key for each dealer', { metadata: { member: index } });
  }
  return index;
}

/**
 * The key [1216] that member's Acceptance made for `dealer`, out of the attachments.
 *
 * @throws `attachment_invalid` where it is missing or altered
 */
export function keyForDealer(acceptance: Acceptance, dealer: number, attachments: readonly Uint8Array[]): Uint8Array {
  const hash = acceptance.body.keys.find(([index]) => index === dealer)?.[1];
  if (hash === undefined)
    throw new DtaError('deal_invalid', 'an Acceptance has no key for that dealer', { metadata: { dealer } });
  return pickAttachment(attachments, hash);
}
