import { AffirmStatements, Inbox, InternalInbox, NODE, NodeController, OrderTable, type Node } from '@dta/node';
import type { BeneficiaryOrder } from '@dta/order';
import { Module, type DynamicModule } from '@nestjs/common';
import { beneficiaryOrders } from './order.repository.js';
import { CommitEnrolment } from './verbs/commit-enrolment.js';
import { EnrolOrder } from './verbs/enrol-order.js';
import { NoteManifest } from './verbs/note-manifest.js';
import { RedeemOrder } from './verbs/redeem-order.js';
import { RevealSecret } from './verbs/reveal-secret.js';

/** What stands behind each verb of a beneficiary. */
@Module({})
export class BeneficiaryModule {
  static of(node: Node): DynamicModule {
    const orders = beneficiaryOrders(node);
    return {
      module: BeneficiaryModule,
      controllers: [
        NodeController,
        AffirmStatements,
        EnrolOrder,
        NoteManifest,
        CommitEnrolment,
        RedeemOrder,
        RevealSecret,
      ],
      providers: [
        { provide: NODE, useValue: node },
        { provide: InternalInbox, useValue: InternalInbox.of(node) },
        { provide: OrderTable, useValue: orders },
        { provide: Inbox, useValue: new Inbox<BeneficiaryOrder>({ ...node, orders }) },
      ],
    };
  }
}
