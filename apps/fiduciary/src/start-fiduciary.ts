import {
  expireOrder,
  openNode,
  serveRole,
  startSweeper,
  type NodeOptions,
  type RoleParts,
  type RunningRole,
} from '@dta/node';
import { expireFiduciaryOrder } from '@dta/order';
import { FiduciaryModule } from './fiduciary.module.js';
import { fiduciaryOrders } from './order.repository.js';

/**
 * Starts a fiduciary: it serves when this settles.
 *
 * @throws `start_failed`, `key_file_invalid`, `custody_invalid`, `service_unavailable`, `schema_outdated`
 */
export async function startFiduciary(options: NodeOptions, parts: RoleParts): Promise<RunningRole> {
  const node = await openNode(options, parts);
  const orders = fiduciaryOrders(node);
  return serveRole(node, FiduciaryModule.of(node), () => [
    startSweeper(node, orders, (ref) => expireOrder(node, orders, ref, expireFiduciaryOrder)),
  ]);
}
