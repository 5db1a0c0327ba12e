import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { groupNames } from '@dta/crypto';
import { OrderTable, type Node } from '@dta/node';
import { beneficiaryDueAt, pointSchema, type BeneficiaryOrder } from '@dta/order';
import { z } from 'zod';

const MAX_RECORD_BYTES = 64 * 1024;

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

/** A beneficiary's orders. */
export function beneficiaryOrders(node: Node): OrderTable<BeneficiaryOrder> {
  return new OrderTable<BeneficiaryOrder>(node, {
    encode: (order) => ({
      ref: order.ref,
      state: order.state,
      beneficiary: null,
      createdAt: order.createdAt,
      dueAt: beneficiaryDueAt(order),
      record: encodeDocument(record, { ...order, good: [...order.good], answered: [...order.answered] }),
    }),
    decode: (bytes) => decodeDocument(record, bytes, MAX_RECORD_BYTES),
  });
}
