import { reasonForCast } from './reason-for-cast.mjs';
import { shortTransactions } from './short-transactions.mjs';

/** The project's own rules. */
export const dta = { rules: { 'reason-for-cast': reasonForCast, 'short-transactions': shortTransactions } };
