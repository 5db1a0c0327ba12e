import type { Cid } from '@dta/codec';
import { isDtaError } from '@dta/errors';
import { certifiedKey } from '@dta/order';
import type { Node } from '@dta/node';
import { readOrder, writeStep } from './open-order.js';
import type { OrderRepository } from './order.repository.js';
import { answerOf, assertPluginAnswer, type StoredAnswer } from './plugin-answers.js';

/** Has a plugin that failed as its order was committed try once more, when somebody asks for the order's answer again. */
export class RepeatedAnswer {
  readonly #node: Node;
  readonly #orders: OrderRepository;

  constructor(node: Node, orders: OrderRepository) {
    this.#node = node;
    this.#orders = orders;
  }

  /** Does nothing where there is an answer, or no order yet to answer for. @throws `record_invalid` */
  async again(ref: Cid): Promise<void> {
    const { database, rowMac } = this.#node;
    const [failed] = await database.query<StoredAnswer>(
      'SELECT extension, error, mac FROM plugin_answers WHERE order_ref = $1 AND error IS NOT NULL',
      [ref],
    );
    if (failed === undefined) return;
    const open = await readOrder(this.#node, this.#orders, ref);
    const { certificate } = open.order;
    if (certificate === null) throw rowMac.refusal('plugin-answer', ref);
    // a held secret opens for this key alone, so it comes from what the parties signed, whatever any row says
    const keyed = { ref, commitment: certifiedKey(certificate, open.evidence) };
    assertPluginAnswer(rowMac, { ...keyed, ...failed });
    const parts = await answerOf(this.#node, keyed, open.evidence);
    const step = { order: open.order, keep: [], outgoing: [], settled: null };
    try {
      await writeStep(this.#node, this.#orders, open, step, open.evidence, parts);
    } catch (error) {
      if (!isDtaError(error, 'write_conflict')) throw error; // the order moved meanwhile: whoever asks again finds it so
    }
  }
}
