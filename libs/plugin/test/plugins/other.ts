import { z } from 'zod';
import { definePlugin } from '../../src/index.js';

const anything = z.record(z.string(), z.unknown());

/** A plugin that leaves every hook out. */
export default definePlugin({
  apiVersion: 1,
  name: 'other',
  schemas: { order: anything, request: anything, placed: anything, redemption: anything, redeemed: anything },
});
