import { cidToBytes, encodeCanonical, NO_ITEM_LIMITS } from '@dta/codec';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import type { Node, PluginAnswer } from '@dta/node';
import type { Evidence, PrincipalOrder, SecretKind } from '@dta/order';
import type { PluginFacts } from '@dta/plugin/host';

/** What goes into the transaction that stores a plugin's answer: with it, what was held for the plugin is deleted. */
export interface AnswerParts {
  readonly pluginAnswer: PluginAnswer;
  readonly erase: readonly SecretKind[];
}

/** The one secret of an order that a principal keeps: what its plugin holds back until the order is committed. */
export const HELD = { what: 'plugin-held', epoch: 0, transcript: null, index: null } as const;

/**
 * Has the plugin of an order that is being committed make its public answer. A plugin that fails doesn't stop the order:
 * the error's code is kept instead, and what was held stays, until somebody asks again.
 */
export async function answerOf(node: Node, order: PrincipalOrder, evidence: Evidence): Promise<AnswerParts> {
  const { plugin } = evidence.request.body;
  try {
    const held = node.plugins.mayHold(plugin) ? await openHeld(node, order) : null;
    try {
      const extension = await node.plugins.answerOrder(plugin, { ...factsOf(order, evidence), held });
      return { pluginAnswer: { extension: encodeCanonical(extension, NO_ITEM_LIMITS) }, erase: [HELD.what] };
    } finally {
      held?.fill(0);
    }
  } catch (error) {
    const { code } = toDtaError(error);
    node.log[code === 'internal' ? 'error' : 'warn'](
      { orderReference: order.ref, plugin, code, ...(code === 'internal' && { err: error }) },
      'a plugin made no answer',
    );
    return { pluginAnswer: { error: code }, erase: [] };
  }
}

/** What a hook is told of a committed order. */
export function factsOf({ ref, commitment }: PrincipalOrder, { request }: Evidence): PluginFacts {
  if (commitment === null) throw new DtaError('order_state_conflict', 'the order is not committed');
  const { extension } = request.body;
  return { orderReference: ref, orderReferenceBytes: cidToBytes(ref), commitment, request: extension };
}

async function openHeld({ secrets }: Node, { ref }: PrincipalOrder): Promise<Uint8Array | null> {
  try {
    return await secrets.opener(ref)(HELD);
  } catch (error) {
    if (isDtaError(error, 'order_state_conflict')) return null; // this plugin holds nothing back
    throw error;
  }
}
