import plain from './pass-through.js';

/** A plugin that passes all through and has a hook nevertheless, which would never run. */
export default { ...plain, validateOrder: () => undefined };
