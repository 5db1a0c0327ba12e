import { Inbox, InternalInbox, NODE, NodeController, OrderTable, serveVerbs, type Node } from '@dta/node';
import { Module, type DynamicModule } from '@nestjs/common';
import { RevealSecret } from './calls/reveal-secret.js';
import { beneficiaryOrders } from './order.repository.js';
import { beneficiarySteps } from './verbs.js';

/** What stands behind each verb of a beneficiary. */
@Module({})
export class BeneficiaryModule {
  static of(node: Node): DynamicModule {
    const orders = beneficiaryOrders(node);
    const inbox = new Inbox({ ...node, orders });
    return {
      module: BeneficiaryModule,
      controllers: [NodeController, serveVerbs('beneficiary', inbox, beneficiarySteps), RevealSecret],
      providers: [
        { provide: NODE, useValue: node },
        { provide: InternalInbox, useValue: InternalInbox.of(node) },
        { provide: OrderTable, useValue: orders },
      ],
    };
  }
}
