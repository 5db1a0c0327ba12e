import {
  PLUGIN_BYTES_MB,
  PLUGIN_CALL_MS,
  PLUGIN_CALLS_QUEUED_MAX,
  PLUGIN_EXTENSION_MAX_BYTES,
  PLUGIN_HEAP_MB,
  PLUGIN_HELD_MAX_BYTES,
  PLUGIN_LOAD_MS,
  PLUGIN_QUEUE_MS,
  PLUGIN_START_MS,
  PLUGIN_THREADS,
} from '@dta/contracts';
import type { PluginLimits } from '@dta/plugin/host';

/** What a role's plugins may take. */
export const pluginLimits: PluginLimits = {
  callMs: PLUGIN_CALL_MS,
  queueMs: PLUGIN_QUEUE_MS,
  startMs: PLUGIN_START_MS,
  loadMs: PLUGIN_LOAD_MS,
  heapMb: PLUGIN_HEAP_MB,
  bytesMb: PLUGIN_BYTES_MB,
  threads: PLUGIN_THREADS,
  queued: PLUGIN_CALLS_QUEUED_MAX,
  extensionMaxBytes: PLUGIN_EXTENSION_MAX_BYTES,
  heldMaxBytes: PLUGIN_HELD_MAX_BYTES,
};
