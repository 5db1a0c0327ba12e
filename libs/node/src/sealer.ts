import type { Cid } from '@dta/codec';
import { sealEnvelope, type Recipient } from '@dta/envelope';
import type { Role } from '@dta/identity';
import { mayBeLogged, type OrderStatement } from '@dta/order';
import type { KeyRing } from './key-ring.js';

/**
 * Seals statements of an order, in this role's name, and says whether the shared log may keep the envelope. `log` is false
 * for what is sent and not stored.
 */
export async function sealOrderEnvelope(
  ring: KeyRing,
  from: Role,
  order: Cid,
  statements: readonly OrderStatement[],
  recipients: readonly Recipient[],
  prev: readonly Cid[],
  now: number,
  log = mayBeLogged(statements),
): Promise<{ cid: Cid; bytes: Uint8Array; log: boolean }> {
  const { identity, key } = ring.author;
  const sealed = await sealEnvelope(
    { sender: identity, from, order, prev, log, recipients, statements: statements.map(({ bytes }) => bytes), now },
    key,
  );
  return { ...sealed, log };
}
