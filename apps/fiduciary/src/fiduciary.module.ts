import { Inbox, InternalInbox, NODE, NodeController, serveVerbs, type Node } from '@dta/node';
import { Module, type DynamicModule } from '@nestjs/common';
import { fiduciaryOrders } from './order.repository.js';
import { fiduciarySteps } from './verbs.js';

/** What stands behind each verb of a fiduciary. */
@Module({})
export class FiduciaryModule {
  static of(node: Node): DynamicModule {
    const inbox = new Inbox({ ...node, orders: fiduciaryOrders(node) });
    return {
      module: FiduciaryModule,
      controllers: [NodeController, serveVerbs('fiduciary', inbox, fiduciarySteps)],
      providers: [
        { provide: NODE, useValue: node },
        { provide: InternalInbox, useValue: InternalInbox.of(node) },
      ],
    };
  }
}
