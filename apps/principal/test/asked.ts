import type { ParamsOf } from '@dta/contracts';

type Order = ParamsOf<'principal.place-order'>;

/** What a gateway asks for its client, who leaves everything to the principal but what is said. */
export const asked = (said: Partial<Order> = {}): Order => ({
  ...{ plugin: 'milagro', fiduciaries: null, beneficiary: null, threshold: null, single: null, minDealers: null },
  ...{ setupBy: null, keepUntil: null, rules: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  ...said,
});
