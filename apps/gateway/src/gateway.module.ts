import { Module, type DynamicModule } from '@nestjs/common';
import { IdentityController } from './api/identity.controller.js';
import { EventsController } from './api/events.controller.js';
import { EventStreams } from './api/event-streams.js';
import { FrontPageController } from './api/front-page.controller.js';
import { LiveOpenApi } from './api/live-openapi.js';
import { AboutGateway, NodeController } from './api/node.controller.js';
import { OrderCursors } from './api/order-cursor.js';
import { OrderController } from './api/order.controller.js';
import { Overload } from './overload.js';
import { RoleCalls } from './role-calls.js';
import { RoleStatuses } from './role-statuses.js';

/** The composition root: controllers, and the things they stand on. */
@Module({})
export class GatewayModule {
  static of(
    calls: RoleCalls,
    statuses: RoleStatuses,
    about: AboutGateway,
    streams: EventStreams,
    openApi: LiveOpenApi,
    cursors: OrderCursors,
    overload: Overload,
  ): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [OrderController, EventsController, IdentityController, FrontPageController, NodeController],
      providers: [
        { provide: RoleCalls, useValue: calls },
        { provide: RoleStatuses, useValue: statuses },
        { provide: AboutGateway, useValue: about },
        { provide: EventStreams, useValue: streams },
        { provide: LiveOpenApi, useValue: openApi },
        { provide: OrderCursors, useValue: cursors },
        { provide: Overload, useValue: overload },
      ],
    };
  }
}
