import { cidToBytes, encodeCanonical, NO_ITEM_LIMITS, type Cid } from '@dta/codec';
import { wipe } from '@dta/crypto';
import { isDtaError, toDtaError } from '@dta/errors';
import type { Node, PluginAnswer, RowMac } from '@dta/node';
import type { Evidence, SecretKind } from '@dta/order';
import type { PluginFacts } from '@dta/plugin/host';

/** What goes into the transaction that stores a plugin's answer: with it, what was held for the plugin is deleted. */
export interface AnswerParts {
  readonly pluginAnswer: PluginAnswer;
  readonly erase: readonly SecretKind[];
}

/** The one secret of an order that a principal keeps: what its plugin holds back until the order is committed. */
export const HELD = { what: 'plugin-held', epoch: 0, transcript: null, index: null } as const;

/** A row of `plugin_answers` as pg reads it, before anything of it is believed; all null where there is none. */
export interface StoredAnswer {
  readonly extension: Uint8Array | null;
  readonly error: string | null;
  readonly mac: Uint8Array | null;
}

/** An order and its public key Y [33]. */
interface Keyed {
  readonly ref: Cid;
  readonly commitment: Uint8Array;
}

/** @throws `record_invalid` unless this node stored just this answer for this order and key */
export function assertPluginAnswer(rowMac: RowMac, answer: Keyed & StoredAnswer): void {
  rowMac.assert(answer.mac, 'plugin-answer', fieldsOf(answer), answer.ref);
}

function fieldsOf({ ref, commitment, extension, error }: Keyed & Omit<StoredAnswer, 'mac'>) {
  return [ref, commitment, extension && new Uint8Array(extension), error] as const;
}

/**
 * Has the plugin of an order make its public answer. A plugin that fails doesn't stop the order: the error's code is kept
 * instead, and what was held stays, until the order's answer is asked for again.
 *
 * @param keyed Y as the order's parties certified it, never as a row says it: what was held back may be sealed to it
 */
export async function answerOf(node: Node, keyed: Keyed, evidence: Evidence): Promise<AnswerParts> {
  const { plugin } = evidence.request.body;
  const stored = (said: Omit<StoredAnswer, 'mac'>): PluginAnswer => ({
    ...said,
    mac: node.rowMac.of('plugin-answer', fieldsOf({ ...keyed, ...said })),
  });
  try {
    const held = node.plugins.mayHold(plugin) ? await openHeld(node, keyed.ref) : null;
    try {
      const extension = await node.plugins.answerOrder(plugin, { ...factsOf(keyed, evidence), held });
      return {
        pluginAnswer: stored({ extension: encodeCanonical(extension, NO_ITEM_LIMITS), error: null }),
        erase: [HELD.what],
      };
    } finally {
      if (held !== null) wipe(held);
    }
  } catch (error) {
    const { code } = toDtaError(error);
    node.log[code === 'internal' ? 'error' : 'warn'](
      { orderReference: keyed.ref, plugin, code, ...(code === 'internal' && { err: error }) },
      'a plugin made no answer',
    );
    return { pluginAnswer: stored({ extension: null, error: code }), erase: [] };
  }
}

/** What a hook is told of a committed order. */
export function factsOf({ ref, commitment }: Keyed, { request }: Evidence): PluginFacts {
  const { extension } = request.body;
  return { orderReference: ref, orderReferenceBytes: cidToBytes(ref), commitment, request: extension };
}

async function openHeld({ secrets }: Node, ref: Cid): Promise<Uint8Array | null> {
  try {
    return await secrets.opener(ref)(HELD);
  } catch (error) {
    if (isDtaError(error, 'order_state_conflict')) return null; // this plugin holds nothing back
    throw error;
  }
}
