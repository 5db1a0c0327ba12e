import type { Cid } from '@dta/codec';
import { STATUS_TIMEOUT_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { greet, type Node } from '@dta/node';
import type { PrincipalOrder } from '@dta/order';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks all whom a redemption takes whether they are there. A fiduciary answers 16 Redemptions of an order in a day: a client
 * that asks again and again while somebody is away would use them up, and have nothing left when they are back.
 *
 * @throws `service_unavailable` without the beneficiary; `fiduciaries_insufficient` without as many fiduciaries as the threshold
 */
export async function assertPresent(
  node: Node,
  { beneficiary, fiduciaries, threshold }: PrincipalOrder,
): Promise<void> {
  const isThere = (party: Cid, role: Role): Promise<boolean> =>
    Promise.race([
      greet(node, party, role).then(
        () => true,
        () => false,
      ),
      delay(STATUS_TIMEOUT_MS, false, { ref: false }),
    ]);
  const [hasBeneficiary, ...members] = await Promise.all([
    isThere(beneficiary, 'beneficiary'),
    ...fiduciaries.map((fiduciary) => isThere(fiduciary, 'fiduciary')),
  ]);
  const there = members.filter(Boolean).length;
  if (hasBeneficiary !== true) throw new DtaError('service_unavailable', 'the beneficiary is away');
  if (there < threshold)
    throw new DtaError('fiduciaries_insufficient', `${there} of the ${threshold} fiduciaries that it takes are there`);
}
