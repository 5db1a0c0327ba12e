import { definePlugin } from '@dta/plugin';
import { z } from 'zod';

const anything = z.record(z.string(), z.unknown());

/** Adds nothing: what an order says as `extension` goes into its Request, and back with each answer. */
export default definePlugin({
  apiVersion: 1,
  name: 'milagro',
  schemas: { order: anything, request: anything, placed: anything, redemption: anything, redeemed: anything },
  passThrough: true,
});
