import { InternalInbox, NODE, NodeController, type Node } from '@dta/node';
import { Module, type DynamicModule } from '@nestjs/common';
import { AwaitEvents } from './calls/await-events.js';
import { AwaitOrder } from './calls/await-order.js';
import { GetOrder } from './calls/get-order.js';
import { ListOrders } from './calls/list-orders.js';
import { PlaceOrder } from './calls/place-order.js';
import { RedeemOrder } from './calls/redeem-order.js';
import type { PrincipalOptions } from './config.js';
import { Idempotency } from './idempotency.js';
import { OrderDriver } from './order-driver.js';
import { OrderView } from './order-view.js';
import { OrderWait } from './order-wait.js';
import { OrderWatch } from './order-watch.js';
import { OrderRepository } from './order.repository.js';
import { RepeatedAnswer } from './repeated-answer.js';
import { OPTIONS } from './tokens.js';

/** What a principal is made of. */
export interface PrincipalParts {
  readonly node: Node;
  readonly options: PrincipalOptions;
  readonly orders: OrderRepository;
  readonly driver: OrderDriver;
  readonly watch: OrderWatch;
}

/** What stands behind each call of a principal. */
@Module({})
export class PrincipalModule {
  static of({ node, options, orders, driver, watch }: PrincipalParts): DynamicModule {
    return {
      module: PrincipalModule,
      controllers: [NodeController, PlaceOrder, AwaitOrder, AwaitEvents, RedeemOrder, GetOrder, ListOrders],
      providers: [
        { provide: NODE, useValue: node },
        { provide: OPTIONS, useValue: options },
        { provide: InternalInbox, useValue: InternalInbox.of(node) },
        { provide: OrderRepository, useValue: orders },
        { provide: OrderDriver, useValue: driver },
        { provide: OrderWatch, useValue: watch },
        { provide: OrderView, useValue: new OrderView(node, orders, options) },
        { provide: OrderWait, useValue: new OrderWait(orders, watch) },
        { provide: RepeatedAnswer, useValue: new RepeatedAnswer(node, orders) },
        { provide: Idempotency, useValue: new Idempotency(node) },
      ],
    };
  }
}
