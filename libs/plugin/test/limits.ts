import type { PluginLimits } from '../src/host/index.js';

/** Long times, since a test machine may be busy; small sizes. */
export const limits: PluginLimits = {
  callMs: 20_000,
  queueMs: 20_000,
  startMs: 120_000,
  loadMs: 20_000,
  heapMb: 32,
  bytesMb: 48,
  threads: 2,
  queued: 64,
  extensionMaxBytes: 4_096,
  heldMaxBytes: 1_024,
};

/** Facts of some order. */
export const facts = {
  orderReference: 'bafyreitest',
  orderReferenceBytes: new Uint8Array(36).fill(9),
  commitment: new Uint8Array(33).fill(2),
  request: {},
};
