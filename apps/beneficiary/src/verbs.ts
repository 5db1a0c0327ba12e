import type { Steps } from '@dta/node';
import {
  affirmStatements,
  commitEnrolment,
  enrolOrder,
  noteManifest,
  redeemOrder,
  type BeneficiaryOrder,
} from '@dta/order';

/** What a beneficiary does for each verb. */
export const beneficiarySteps: Steps<'beneficiary', BeneficiaryOrder> = {
  enrol: async (order, { evidence }, { draw }) => enrolOrder(order, evidence, await draw()),
  manifest: (order, { evidence }, { context }) => noteManifest(order, evidence, context),
  commit: (order, { evidence }, { context }) => commitEnrolment(order, evidence, context),
  redeem: (order, { evidence, envelopes }, { open, context }) => redeemOrder(order, evidence, envelopes, open, context),
  affirm: (order, { evidence }, { context }) => affirmStatements(order, evidence, context),
};
