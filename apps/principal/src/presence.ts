import type { Cid } from '@dta/codec';
import { STATUS_TIMEOUT_MS } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { greet, type Node } from '@dta/node';
import { REDEMPTIONS_A_DAY, redemptionStatement, type Evidence, type PrincipalOrder } from '@dta/order';
import { setTimeout as delay } from 'node:timers/promises';

const DAY = 24 * 60 * 60_000;

/** Whether half of the Redemptions of an order that a fiduciary answers in a day have been asked for. */
export function isHalfSpent(evidence: Evidence): boolean {
  const recent = evidence.all(redemptionStatement).filter(({ body }) => body.createdAt > evidence.now - DAY);
  return recent.length >= REDEMPTIONS_A_DAY / 2;
}

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
    const each = all.map((one) => one.then((holds) => (holds && (found += 1) === count ? resolve(true) : undefined)));
    void Promise.all(each).then(() => resolve(false));
  });
}
