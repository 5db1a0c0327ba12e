import type { Cid } from '@dta/codec';
import { STATUS_TIMEOUT_MS } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { greet, type Node } from '@dta/node';
import type { PrincipalOrder } from '@dta/order';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks all whom a redemption takes whether they are there, and settles when enough are: a client that asks again and again
 * while somebody is away would use up the day's Redemptions, and have none left when all are back.
 *
 * @throws `service_unavailable` without the beneficiary; `fiduciaries_insufficient` without as many fiduciaries as the threshold
 */
export async function assertPresent(
  node: Node,
  { beneficiary, fiduciaries, threshold }: PrincipalOrder,
): Promise<void> {
  const isThere = async (party: Cid, role: Role): Promise<boolean> => {
    const answered = greet(node, party, role).then(
      () => true,
      (error: unknown) => isDtaError(error, 'busy'),
    );
    return Promise.race([answered, delay(STATUS_TIMEOUT_MS, false, { ref: false })]);
  };
  const members = fiduciaries.map((fiduciary) => isThere(fiduciary, 'fiduciary'));
  if (!(await isThere(beneficiary, 'beneficiary'))) {
    throw new DtaError('service_unavailable', 'the beneficiary is away');
  }
  if (!(await reaches(threshold, members))) {
    throw new DtaError('fiduciaries_insufficient', `fewer than the ${threshold} fiduciaries that it takes are there`);
  }
}

/** Whether `count` of them come true; settles as soon as they do. */
function reaches(count: number, all: readonly Promise<boolean>[]): Promise<boolean> {
  return new Promise((resolve) => {
    let found = 0;
    const counted = all.map(async (one) => {
      if (await one) found += 1;
      if (found >= count) resolve(true);
    });
    void Promise.all(counted).then(() => resolve(false)); // nothing, where it has settled
  });
}
