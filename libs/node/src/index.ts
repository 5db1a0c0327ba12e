export { Admission } from './admission.js';
export { greet } from './announcer.js';
export { createClock, type Clock, type Doubt } from './clock.js';
export { begin, type Begun } from './begun.js';
export {
  commit,
  ORDER_CHANGED,
  writeAnswers,
  type Change,
  type DeliveryAnswer,
  type NewDelivery,
  type NewIdempotency,
  type OrderRow,
  type OwnEnvelope,
  type PluginAnswer,
} from './commit.js';
export { migrateDatabase, openDatabase, type Database, type DatabaseOptions, type Sql } from './database.js';
export {
  ask,
  deliveriesOf,
  envelopeBytes,
  noteFailure,
  type Delivery,
  type PeerParts,
  type PeerReply,
} from './delivery.js';
export { Gathered } from './gathered.js';
export { Inbox, type InboxParts, type PeerMessage, type PeerStep, type StepTools } from './inbox.js';
export { InternalInbox, type InternalInboxParts } from './internal-inbox.js';
export { openKeyRing, type KeyRing } from './key-ring.js';
export { dropLease, takeLease, undriven } from './lease.js';
export { NODE, NodeController } from './node.controller.js';
export {
  assertAllAdmitted,
  openNode,
  type DocumentStoreOptions,
  type Node,
  type NodeOptions,
  type RoleParts,
} from './node.js';
export {
  orderColumns,
  OrderTable,
  type OrderShape,
  type OrderTableParts,
  type StoredOrder,
  type Versioned,
} from './order-table.js';
export { periodically } from './periodic.js';
export { publicationBacklog, publishedHead, type LogHead, type PublicationBacklog } from './publication.js';
export { startPublisher, type PublisherParts } from './publisher.js';
export { giveUpOrders } from './give-up-orders.js';
export { readLastError, type LastAttempt } from './last-error.js';
export { formerFormat, recordFormat, type FormerFormat, type RecordFormat } from './record-format.js';
export { type RefusalLog } from './refusal-log.js';
export { createRoleGauges, createRoleMetrics } from './role-metrics.js';
export { RowMac } from './row-mac.js';
export { runRole } from './run-role.js';
export { nodeOptions, pluginSettings, roleSettings, type RoleConfig } from './role-config.js';
export { custodyOptions, custodySettings, oneCustody, pkcs11Settings } from './custody-config.js';
export { serveRole, type Job, type RunningRole } from './role-app.js';
export { serveVerbs, type NextStep, type Steps } from './serve-verbs.js';
export { sealOrderEnvelope } from './sealer.js';
export { SecretStore, type SealedSecret } from './secret-store.js';
export { ordersByState, stuckOrders, type StuckOrder } from './stuck-orders.js';
export { expireOrder, startSweeper, type Expiry } from './sweeper.js';
export { readKeyFile, replaceKeyFile, writeKeyFile } from './key-files.js';
