import { fields } from '@dta/codec';
import { OrderTable, recordFormat, type Node } from '@dta/node';
import { fiduciaryDueAt, type FiduciaryOrder } from '@dta/order';
import { z } from 'zod';

const record = z.strictObject({
  ref: fields.cid,
  state: z.enum(['accepted', 'dealt', 'confirmed', 'committed', 'erased']),
  index: fields.index,
  createdAt: fields.ms,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  acceptance: fields.cid.nullable(),
  deal: fields.cid.nullable(),
  round: fields.counter.nullable(),
  confirmed: z.array(fields.bytes(32)),
  commitment: fields.cid.nullable(),
  answered: z.array(z.strictObject({ redemption: fields.cid, at: fields.ms, isReceipted: z.boolean() })),
});
/** A field more, less or other: the next `v`, read beside this one (docs/adr/0028). */
const format = recordFormat(1, record);

/** A fiduciary's orders. */
export function fiduciaryOrders(node: Node): OrderTable<FiduciaryOrder> {
  return new OrderTable<FiduciaryOrder>(node, {
    encode: (order) => ({
      ref: order.ref,
      state: order.state,
      beneficiary: null,
      createdAt: order.createdAt,
      dueAt: fiduciaryDueAt(order),
      record: format.encode({ ...order, confirmed: [...order.confirmed], answered: [...order.answered] }),
    }),
    decode: format.decode,
  });
}
