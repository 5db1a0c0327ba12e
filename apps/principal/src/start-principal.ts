import { openNode, serveRole, startSweeper, type RoleParts, type RunningRole } from '@dta/node';
import type { PrincipalOptions } from './config.js';
import { createDriverGauges } from './driver-gauges.js';
import { OrderDriver } from './order-driver.js';
import { OrderWatch } from './order-watch.js';
import { OrderRepository } from './order.repository.js';
import { PrincipalModule } from './principal.module.js';

/**
 * Starts a principal: it serves, and goes on with the orders it finds, when this settles.
 *
 * @throws `start_failed`, `key_file_invalid`, `custody_invalid`, `service_unavailable`, `schema_outdated`
 */
export async function startPrincipal(options: PrincipalOptions, parts: RoleParts): Promise<RunningRole> {
  const node = await openNode(options, parts);
  const orders = new OrderRepository(node);
  const watch = new OrderWatch(node);
  const driver = new OrderDriver(node, orders, watch);
  createDriverGauges(node.monitor.registry, () => driver.load);
  return serveRole(node, PrincipalModule.of({ node, options, orders, driver, watch }), () => [
    driver,
    watch,
    startSweeper(node, orders, async (ref) => driver.drive(ref)),
  ]);
}
