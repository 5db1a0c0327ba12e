/** What a plugin may take. */
export interface PluginLimits {
  /** how long one call may run */
  readonly callMs: number;
  /** how long a call may wait for a free thread */
  readonly queueMs: number;
  /** how long a plugin may take to load in its first thread, as a role starts; `loadMs` by default */
  readonly startMs?: number;
  /** how long it may take in another thread, while calls wait */
  readonly loadMs: number;
  /** V8's heap of one thread, in MiB */
  readonly heapMb: number;
  /** what a thread may hold outside it, as bytes, in MiB */
  readonly bytesMb: number;
  /** threads of one plugin */
  readonly threads: number;
  /** calls that wait for one; more are answered `busy` */
  readonly queued: number;
  /** the largest extension, as JSON in UTF-8 */
  readonly extensionMaxBytes: number;
  /** the most that may be held back at once */
  readonly heldMaxBytes: number;
}
