import { AffirmStatements, Inbox, InternalInbox, NODE, NodeController, type Node } from '@dta/node';
import type { FiduciaryOrder } from '@dta/order';
import { Module, type DynamicModule } from '@nestjs/common';
import { fiduciaryOrders } from './order.repository.js';
import { AcceptOrder } from './verbs/accept-order.js';
import { CommitOrder } from './verbs/commit-order.js';
import { ConfirmOrder } from './verbs/confirm-order.js';
import { DealOrder } from './verbs/deal-order.js';
import { ReleaseShare } from './verbs/release-share.js';
import { TakeReceipt } from './verbs/take-receipt.js';

/** What stands behind each verb of a fiduciary. */
@Module({})
export class FiduciaryModule {
  static of(node: Node): DynamicModule {
    return {
      module: FiduciaryModule,
      controllers: [
        NodeController,
        AffirmStatements,
        AcceptOrder,
        DealOrder,
        ConfirmOrder,
        CommitOrder,
        ReleaseShare,
        TakeReceipt,
      ],
      providers: [
        { provide: NODE, useValue: node },
        { provide: InternalInbox, useValue: InternalInbox.of(node) },
        { provide: Inbox, useValue: new Inbox<FiduciaryOrder>({ ...node, orders: fiduciaryOrders(node) }) },
      ],
    };
  }
}
