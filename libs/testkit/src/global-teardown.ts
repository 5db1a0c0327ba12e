import { closeServices } from './global-setup.js';

/** Jest's `globalTeardown`: stops what ran. */
export default closeServices;
