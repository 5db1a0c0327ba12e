export {
  createClient,
  isPending,
  type Client,
  type ClientOptions,
  type OrderFilter,
  type OrderSummary,
  type PendingOrder,
  type RequestOptions,
} from './client.js';
export { type FollowOptions, type OrderEvent } from './follow-order.js';
export type { components, paths } from './openapi.js';
export { ProblemError, type Problem, type ProblemCode } from './problem-error.js';
