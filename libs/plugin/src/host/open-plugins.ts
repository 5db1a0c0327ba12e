import { DtaError, isDtaError } from '@dta/errors';
import type { Extension } from '../order-plugin.js';
import type { CallName, Facts, Inputs, PluginDescription } from '../thread/messages.js';
import type { PluginLimits } from './limits.js';
import { setTimeout as delay } from 'node:timers/promises';
import { PluginPool } from './plugin-pool.js';
import { importSpecifier } from './plugin-source.js';
import { readExtension } from './read-extension.js';

/** A thread in a system call outlives its end; it isn't waited for. */
const CLOSE_MS = 1_000;

/** What an order's extension becomes. */
export interface TakenOrder {
  /** for the Request */
  readonly request: Extension;
  /** to be sealed until the order is committed; the caller wipes it */
  readonly held: Uint8Array | null;
}

/** The plugins of a role. Each call names its plugin first. */
export interface Plugins {
  /** In the order of the configuration: the first is that of orders that name none. */
  readonly descriptions: readonly PluginDescription[];
  /** Whether that plugin may hold something of an order back: one without hooks doesn't. */
  mayHold(plugin: string): boolean;
  /** Validates an order's extension and splits it. @throws as {@link openPlugins} says */
  placeOrder(plugin: string, extension: Extension): Promise<TakenOrder>;
  /** The public answer of an order that is committed. */
  answerOrder(plugin: string, order: Facts & { readonly held: Uint8Array | null }): Promise<Extension>;
  /** Whether an order may be redeemed so. */
  validateRedemption(plugin: string, order: Facts & { readonly redemption: Extension }): Promise<void>;
  /** Validates a redemption and gives the final answer. The caller's secret stays the caller's. */
  answerRedemption(
    plugin: string,
    order: Facts & { readonly redemption: Extension; readonly secret: Uint8Array },
  ): Promise<Extension>;
  /** Ends all threads, at the latest after a second. */
  close(): Promise<void>;
}

/** Who is told, and how often, which plugins a start waits for. */
export interface WaitingForPlugins {
  readonly everyMs: number;
  readonly tell: (sentence: string) => void;
}

/**
 * Loads plugins, each in threads of its own: `sources` are names of npm packages or folders. While they load, `waiting` is
 * told which of them a start still waits for.
 *
 * Every call may throw `plugin_unknown` where no plugin has that name, `plugin_refused` in the plugin's own words,
 * `plugin_failed` for one that throws, ends, takes too much memory or answers what it may not, `plugin_timeout`, and `busy`.
 * None of them touches a call to another plugin, nor another call to the same.
 *
 * @throws `start_failed` for one that can't be loaded, or a name given twice
 */
export async function openPlugins(
  sources: readonly string[],
  limits: PluginLimits,
  waiting?: WaitingForPlugins,
): Promise<Plugins> {
  const loading = new Set(sources);
  const turn = waiting && setInterval(() => tellOf(loading, waiting), waiting.everyMs);
  const opening = await Promise.allSettled(
    sources.map((source) => openPlugin(source, limits).finally(() => loading.delete(source))),
  ).finally(() => clearInterval(turn));
  const opened = opening.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const close = async () => {
    const gone = Promise.all(opened.map(({ pool }) => pool.close()));
    await Promise.race([gone, delay(CLOSE_MS, undefined, { ref: false })]);
  };
  const byName = new Map(opened.map((plugin) => [plugin.description.name, plugin]));
  const failed = opening.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined || byName.size !== sources.length) {
    await close();
    throw failed?.reason ?? new DtaError('start_failed', 'two plugins have one name');
  }
  const known = (plugin: string) => {
    const found = byName.get(plugin);
    if (found !== undefined) return found;
    throw new DtaError('plugin_unknown', `this node has no plugin of the name ${plugin}`, { metadata: { plugin } });
  };
  const run = async <C extends CallName>(plugin: string, call: C, input: Inputs[C]) => {
    const { pool, passThrough } = known(plugin);
    const { extension: text, held } = passThrough ? passedThrough(input) : await pool.run(call, input);
    const read = readExtension(text, limits.extensionMaxBytes);
    const reason = 'reason' in read ? read.reason : heldFault(held, limits);
    if ('extension' in read && reason === undefined) return { extension: read.extension, held };
    held?.fill(0);
    throw new DtaError('plugin_failed', `the plugin ${plugin} failed: ${reason ?? ''}`, { metadata: { plugin } });
  };
  return {
    descriptions: opened.map(({ description }) => description),
    mayHold: (plugin) => !known(plugin).passThrough,
    placeOrder: async (plugin, extension) => {
      const { extension: request, held } = await run(plugin, 'placeOrder', { extension });
      return { request, held };
    },
    answerOrder: async (plugin, order) => (await run(plugin, 'answerOrder', order)).extension,
    validateRedemption: async (plugin, order) => {
      await run(plugin, 'validateRedemption', order);
    },
    answerRedemption: async (plugin, order) => (await run(plugin, 'answerRedemption', order)).extension,
    close,
  };
}

function tellOf(loading: ReadonlySet<string>, { tell }: WaitingForPlugins): void {
  for (const source of loading) tell(`the start waits for the plugin ${source} to load`);
}

/** What came with the order, as the call has it: given by the client, or out of the Request. */
function passedThrough(input: Inputs[CallName]): { extension: string; held: null } {
  return { extension: JSON.stringify('extension' in input ? input.extension : input.request), held: null };
}

async function openPlugin(source: string, limits: PluginLimits) {
  const specifier = importSpecifier(source);
  try {
    return await PluginPool.open(source, specifier, limits);
  } catch (error) {
    throw isDtaError(error) ? new DtaError('start_failed', error.message, { cause: error }) : error;
  }
}

function heldFault(held: Uint8Array | null, { heldMaxBytes }: PluginLimits): string | undefined {
  return held !== null && held.length > heldMaxBytes ? `it holds back more than ${heldMaxBytes} bytes` : undefined;
}
