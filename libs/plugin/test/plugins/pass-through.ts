import { z } from 'zod';
import { definePlugin } from '../../src/index.js';

const anything = z.record(z.string(), z.unknown());

/** A plugin of which nothing runs. */
export default definePlugin({
  apiVersion: 1,
  name: 'pass-through',
  schemas: { order: anything, request: anything, placed: anything, redemption: anything, redeemed: anything },
  passThrough: true,
});
