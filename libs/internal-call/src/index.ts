export { makeCall, type MadeCall } from './make-call.js';
export { openCall, sealCall, type OpenedCall, type OutgoingCall, type SealedCall } from './seal.js';
export { serveCall, type CallHandler, type ServeCallOptions, type ServedCall } from './serve-call.js';
