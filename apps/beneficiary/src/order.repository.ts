import { fields } from '@dta/codec';
import { groupNames } from '@dta/crypto';
import { OrderTable, recordFormat, type Node } from '@dta/node';
import { beneficiaryDueAt, pointSchema, type BeneficiaryOrder } from '@dta/order';
import { z } from 'zod';

const record = z.strictObject({
  ref: fields.cid,
  state: z.enum(['enrolled', 'committed', 'held', 'closed']),
  principal: fields.cid,
  createdAt: fields.ms,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  group: z.enum(groupNames),
  enrolment: fields.cid,
  round: fields.counter.nullable(),
  commitmentStatement: fields.cid.nullable(),
  commitment: pointSchema.nullable(),
  good: z.array(fields.index),
  answered: z.array(z.strictObject({ redemption: fields.cid, at: fields.ms })),
});
/** A field more, less or other: the next `v`, read beside this one (docs/adr/0028). */
const format = recordFormat(1, record);

/** A beneficiary's orders. */
export function beneficiaryOrders(node: Node): OrderTable<BeneficiaryOrder> {
  return new OrderTable<BeneficiaryOrder>(node, {
    encode: (order) => ({
      ref: order.ref,
      state: order.state,
      beneficiary: null,
      createdAt: order.createdAt,
      dueAt: beneficiaryDueAt(order),
      record: format.encode({ ...order, good: [...order.good], answered: [...order.answered] }),
    }),
    decode: format.decode,
  });
}
