import type { Steps } from '@dta/node';
import {
  acceptOrder,
  affirmStatements,
  commitOrder,
  confirmOrder,
  dealOrder,
  releaseShare,
  takeReceipt,
  type FiduciaryOrder,
} from '@dta/order';

/** What a fiduciary does for each verb. */
export const fiduciarySteps: Steps<'fiduciary', FiduciaryOrder> = {
  accept: async (order, { evidence }, { draw }) => acceptOrder(order, evidence, await draw()),
  deal: async (order, { evidence, attachments }, { draw }) => dealOrder(order, evidence, attachments, await draw()),
  confirm: (order, { evidence, attachments }, { open, context }) =>
    confirmOrder(order, evidence, attachments, open, context),
  commit: (order, { evidence }, { context }) => commitOrder(order, evidence, context),
  release: (order, { evidence }, { open, context }) => releaseShare(order, evidence, open, context),
  receipt: (order, { evidence }, { context }) => takeReceipt(order, evidence, context),
  affirm: (order, { evidence }, { context }) => affirmStatements(order, evidence, context),
};
