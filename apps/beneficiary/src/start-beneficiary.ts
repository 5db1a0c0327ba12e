import {
  expireOrder,
  openNode,
  serveRole,
  startSweeper,
  type NodeOptions,
  type RoleParts,
  type RunningRole,
} from '@dta/node';
import { expireBeneficiaryOrder } from '@dta/order';
import { BeneficiaryModule } from './beneficiary.module.js';
import { beneficiaryOrders } from './order.repository.js';

/**
 * Starts a beneficiary: it serves when this settles.
 *
 * @throws `start_failed`, `key_file_invalid`, `custody_invalid`, `service_unavailable`, `schema_outdated`
 */
export async function startBeneficiary(options: NodeOptions, parts: RoleParts): Promise<RunningRole> {
  const node = await openNode(options, parts);
  const orders = beneficiaryOrders(node);
  return serveRole(node, BeneficiaryModule.of(node), () => [
    startSweeper(node, orders, (ref) => expireOrder(node, orders, ref, expireBeneficiaryOrder)),
  ]);
}
