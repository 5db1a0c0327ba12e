export { Gate, waiterGate, type GateOptions, type Place } from './gate.js';
export {
  createMemoryBroker,
  type MemoryBroker,
  type MemoryBrokerOptions,
  type MemoryConnectOptions,
} from './memory/memory-broker.js';
export { connectNats, type NatsOptions } from './nats/connect-nats.js';
export type { NatsStatus } from './nats/nats-transport.js';
export {
  DtaRpcExceptionFilter,
  DtaTransportStrategy,
  type MessageContext,
  type StrategyOptions,
} from './nest-strategy.js';
export type { OnError } from './responder.js';
export type {
  Answered,
  Handler,
  RequestOptions,
  Served,
  ServeOptions,
  Transport,
  TransportMessage,
  Turn,
} from './transport.js';
