import type { z } from 'zod';
import * as node from './node-bodies.js';
import * as order from './order-bodies.js';
import type { Route } from './route.js';

const nothing = { params: null, query: null, body: null } as const;
const guarded = { isPublic: false } as const;
const open = { isPublic: true, tag: 'node', ...nothing, errors: [] } as const;
const moved = { ...guarded, tag: 'original', ...nothing, answers: {}, errors: ['moved_to_nats'], calls: [] } as const;
const ofPlugins = ['plugin_unknown', 'plugin_refused', 'plugin_failed', 'plugin_timeout'] as const;
/** An answer of all roles, or of those that there were: both have the same form. */
const ofRoles = <S extends z.ZodType>(description: string, schema: S) => ({
  200: { description, schema },
  207: { description: 'The same, but a role did not answer: `outcomes` says which, and why', schema },
});
const location = { Location: 'Where to ask again' };

/**
 * The REST API (docs/api.md): validation, answers, OpenAPI and the table of internal calls all come from here. Every
 * guarded route may also be answered `unauthenticated`, every one `rate_limited`, `service_unavailable` and `internal`.
 */
export const routes = {
  getStatus: {
    ...guarded,
    ...nothing,
    method: 'get',
    path: '/v1/status',
    tag: 'node',
    summary: 'What this node is',
    answers: { 200: { description: 'The node, and each of its roles', schema: node.nodeStatus } },
    errors: [],
    calls: ['status'],
  },
  placeOrder: {
    ...guarded,
    method: 'post',
    path: '/v1/order',
    tag: 'orders',
    summary: 'Order a key: its public key now, its private key at redemption',
    params: null,
    query: null,
    body: order.placeOrderBody,
    answers: {
      200: { description: 'Committed', schema: order.placedOrder },
      202: { description: 'Not committed within `wait`', schema: order.pendingOrder, headers: location },
    },
    errors: [
      ...(['fiduciaries_missing', 'terms_invalid', 'rule_unsupported', 'identity_not_found'] as const),
      ...([
        'identity_not_admitted',
        'idempotency_conflict',
        'order_state_conflict',
        'fiduciaries_insufficient',
      ] as const),
      ...ofPlugins,
    ],
    calls: ['principal.place-order', 'principal.await-order'],
  },
  redeemOrder: {
    ...guarded,
    method: 'post',
    path: '/v1/order/secret',
    tag: 'orders',
    summary: 'Redeem an order, and read its private key where the beneficiary is the own one',
    params: null,
    query: null,
    body: order.redeemOrderBody,
    answers: {
      200: {
        description: 'Released; with the secret where the beneficiary is the own one',
        schema: order.redeemedOrder,
      },
      202: { description: 'Not released within `wait`', schema: order.pendingOrder, headers: location },
    },
    errors: [
      ...(['order_not_found', 'order_state_conflict', 'beneficiary_mismatch', 'forbidden'] as const),
      ...(['redemption_limit', 'idempotency_conflict', 'fiduciaries_insufficient'] as const),
      ...ofPlugins,
    ],
    calls: ['principal.redeem-order', 'principal.await-order', 'beneficiary.reveal-secret'],
  },
  listOrders: {
    ...guarded,
    method: 'get',
    path: '/v1/order',
    tag: 'orders',
    summary: "The principal's orders, a page at a time",
    params: null,
    query: order.listOrdersQuery,
    body: null,
    answers: { 200: { description: 'One page', schema: order.orderList } },
    errors: [],
    calls: ['principal.list-orders'],
  },
  getOrder: {
    ...guarded,
    method: 'get',
    path: '/v1/order/{orderReference}',
    tag: 'orders',
    summary: 'One order, with the state of each fiduciary',
    params: order.orderPath,
    query: null,
    body: null,
    answers: { 200: { description: 'The order', schema: order.orderDetail } },
    errors: ['order_not_found'],
    calls: ['principal.get-order'],
  },
  followOrder: {
    ...guarded,
    method: 'get',
    path: '/v1/order/{orderReference}/events',
    tag: 'orders',
    summary: "One order's events as they come, all past ones first: server-sent events",
    params: order.orderPath,
    query: null,
    body: null,
    headers: order.eventsHeaders,
    answers: {
      200: {
        description: 'Each event: `id`, and `data` with `{ "at": RFC 3339, "event": the state reached }`',
        schema: null,
        contentType: 'text/event-stream',
      },
      204: { description: 'The client has the last event of an order at its end', schema: null },
    },
    errors: ['order_not_found', 'busy'],
    calls: ['principal.await-events'],
  },
  revealSecret: {
    ...guarded,
    method: 'get',
    path: '/v1/order/{orderReference}/secret',
    tag: 'orders',
    summary: 'The private key of an order that was released to the own beneficiary',
    params: order.orderPath,
    query: null,
    body: null,
    answers: { 200: { description: 'The secret', schema: order.secretAnswer } },
    errors: ['order_not_found', 'order_state_conflict', 'forbidden'],
    calls: ['beneficiary.reveal-secret'],
  },
  answerSecret: {
    ...guarded,
    method: 'post',
    path: '/v1/order/{orderReference}/secret',
    tag: 'orders',
    summary: "The same with the answer of the order's plugin, to whom `extension` goes",
    params: order.orderPath,
    query: null,
    body: order.revealSecretBody,
    answers: { 200: { description: 'The secret, and what the plugin makes of it', schema: order.secretAnswer } },
    errors: ['order_not_found', 'order_state_conflict', 'forbidden', ...ofPlugins],
    calls: ['beneficiary.reveal-secret'],
  },
  listIdentities: {
    ...guarded,
    method: 'get',
    path: '/v1/identity',
    tag: 'identities',
    summary: "The own identities and those on the roles' admission lists",
    params: null,
    query: node.listIdentitiesQuery,
    body: null,
    answers: ofRoles('The identities', node.identityList),
    errors: [],
    calls: ['list-identities'],
  },
  admitIdentity: {
    ...guarded,
    method: 'post',
    path: '/v1/identity',
    tag: 'identities',
    summary: 'Put an identity on the admission list of every role behind this gateway',
    params: null,
    query: null,
    body: node.admitIdentityBody,
    answers: ofRoles('Noted by every role', node.admittedIdentity),
    errors: [
      ...['identity_invalid', 'identity_not_found', 'identity_not_admitted', 'identity_frozen', 'signature_invalid'],
      ...['store_unavailable', 'block_invalid'],
    ],
    calls: ['admit-identity'],
  },
  getIdentity: {
    ...guarded,
    method: 'get',
    path: '/v1/identity/{idDocumentCID}',
    tag: 'identities',
    summary: 'One identity, its document verified',
    params: node.identityPath,
    query: null,
    body: null,
    answers: ofRoles('The identity', node.identityDetail),
    errors: ['identity_not_found'],
    calls: ['get-identity'],
  },
  getLogHead: {
    ...guarded,
    method: 'get',
    path: '/v1/log/head',
    tag: 'node',
    summary: "The heads of the roles' logs, for an audit (`dta verify-log`)",
    params: null,
    query: node.logHeadsQuery,
    body: null,
    answers: ofRoles('The head of each role', node.logHeads),
    errors: [],
    calls: ['log-head'],
  },
  fulfillOrder: {
    ...moved,
    method: 'post',
    path: '/v1/fulfill/order',
    summary: "The original's call between nodes: goes over NATS here",
  },
  fulfillSecret: {
    ...moved,
    method: 'post',
    path: '/v1/fulfill/order/secret',
    summary: "The original's call between nodes: goes over NATS here",
  },
  getOpenApi: {
    ...open,
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', schema: null, contentType: 'application/json' } },
    calls: [],
  },
  getDocs: {
    ...open,
    method: 'get',
    path: '/docs',
    summary: 'This document, browsable',
    answers: { 200: { description: 'A page', schema: null, contentType: 'text/html' } },
    calls: [],
  },
  getLiveness: {
    ...open,
    method: 'get',
    path: '/health/live',
    summary: 'Whether the process lives',
    answers: { 200: { description: 'It does', schema: node.liveness } },
    calls: [],
  },
  getReadiness: {
    ...open,
    method: 'get',
    path: '/health/ready',
    summary: 'Whether the gateway can do its work: NATS and its main role are there',
    answers: {
      200: { description: 'It can; `degraded` names what is away all the same', schema: node.readiness },
      503: { description: 'It can not; `parts` says why', schema: node.readiness },
    },
    calls: ['status'],
  },
} as const satisfies Record<string, Route>;

/** The name of a route; also its `operationId`. */
export type RouteName = keyof typeof routes;
