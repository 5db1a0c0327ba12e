import { ascii, cidToBytes, concat, parseCid, u32 } from '@dta/codec';
import { addScalars, combineShares, hkdf, hpkeOpen, openKem, secp256k1 } from '@dta/crypto';
import { decodeBundle, parseEnvelope } from '@dta/envelope';
import type { Operator } from '@dta/testkit';
import type { Needle } from './needles.js';
import type { RecordedMessage } from './nats-recorder.js';
import { witnessedSecrets } from './witness.js';

/** A secret, and the members whose process may know it. */
export interface OwnedSecret extends Needle {
  readonly knownTo: readonly string[];
}

/** All secrets of an order as its whole operator, custody keys in hand, can learn them. */
export interface OrderSecrets {
  readonly all: readonly OwnedSecret[];
  /** y: what the shares and b come to */
  readonly secret: Uint8Array;
}

/**
 * Learns the secrets of an order: what each member sealed, and what follows from that: the shares s_ij that travelled, the
 * dealers' constant terms, x and y. That they are the right ones shows where y is what the gateway reveals.
 *
 * @param messages what NATS carried while the order was set up
 * @throws Error where the parts don't fit together
 */
export async function secretsOfOrder(
  operator: Operator,
  orderReference: string,
  threshold: number,
  messages: readonly RecordedMessage[],
): Promise<OrderSecrets> {
  const all: OwnedSecret[] = [];
  const shares: { index: number; share: Uint8Array }[] = [];
  let own: Uint8Array | undefined;
  const dealt = new Map<number, { index: number; share: Uint8Array }[]>();
  for (const member of operator.members) {
    for (const { what, order, index, value } of await witnessedSecrets(member)) {
      if (order !== orderReference) continue;
      all.push({ name: `${what} of ${member.name}`, bytes: value, knownTo: [member.name] });
      if (what === 'share' && index !== null) shares.push({ index, share: value });
      if (what === 'enrolment-key') own = value;
      if (what !== 'epoch-seed') continue;
      const opened = await openSubshares(value, orderReference, member.idDocumentCID, messages);
      for (const { dealer, index: to, share, seed } of opened) {
        const both = [member.name, `fiduciary-${dealer}`];
        all.push({ name: `share of ${member.name} by dealer ${dealer}`, bytes: share, knownTo: both });
        all.push({ name: `KEM seed of ${member.name} for dealer ${dealer}`, bytes: seed, knownTo: [member.name] });
        dealt.set(dealer, [...(dealt.get(dealer) ?? []), { index: to, share }]);
      }
    }
  }
  if (own === undefined || shares.length < threshold) throw new Error('the witness did not see every secret');
  const x = combineShares(secp256k1, shares.slice(0, threshold));
  const terms = [...dealt].map(([dealer, parts]) => ({
    ...{ name: `constant term of dealer ${dealer}`, knownTo: [`fiduciary-${dealer}`] },
    bytes: combineShares(secp256k1, parts.slice(0, threshold)),
  }));
  if (terms.length > 0 && !Buffer.from(addScalars(secp256k1, ...terms.map(({ bytes }) => bytes))).equals(x)) {
    throw new Error('the shares that travelled are not those that were kept');
  }
  const y = addScalars(secp256k1, x, own);
  const alone = shares.length === 1 ? ['fiduciary-1'] : [];
  const sums: OwnedSecret[] = [
    { name: 'x', bytes: x, knownTo: ['beneficiary', ...alone] },
    { name: 'y', bytes: y, knownTo: ['beneficiary'] },
  ];
  return { all: [...all, ...terms, ...sums], secret: y };
}

interface Subshare {
  readonly dealer: number;
  readonly index: number;
  readonly share: Uint8Array;
  readonly seed: Uint8Array;
}

/** Opens what the Manifest's message brought a member: seed_ji = HKDF(epoch seed, "DTA-KEY1" ‖ u32(i)) (protocol.md §6). */
async function openSubshares(
  epochSeed: Uint8Array,
  orderReference: string,
  node: string,
  messages: readonly RecordedMessage[],
): Promise<Subshare[]> {
  const subject = `dta.v1.${node}.fiduciary.confirm`;
  const attachments = messages
    .filter((message) => message.subject === subject)
    .map(({ payload }) => decodeBundle(payload))
    .find(
      ({ envelopes: [bytes] }) => bytes !== undefined && parseEnvelope(bytes).header.order === orderReference,
    )?.attachments;
  const n = attachments?.length ?? 0;
  const opened: Subshare[] = [];
  for (let dealer = 1; dealer <= n; dealer += 1) {
    const seed = hkdf(epochSeed, concat(ascii('DTA-KEY1'), u32(dealer)), 32);
    const key = await openKem(seed);
    for (let index = 1; index <= n; index += 1) {
      const info = concat(ascii('DTA-SHARE1'), cidToBytes(parseCid(orderReference)), u32(0), u32(dealer), u32(index));
      for (const sealed of attachments ?? []) {
        const share = await hpkeOpen(key, info, sealed).catch(() => undefined); // another dealer's, or another member's
        if (share !== undefined) opened.push({ dealer, index, share, seed });
      }
    }
  }
  return opened;
}
