import { listedColumns } from './listed-columns.mjs';
import { reasonForCast } from './reason-for-cast.mjs';
import { shortTransactions } from './short-transactions.mjs';

/** The project's own rules. */
export const dta = {
  rules: { 'listed-columns': listedColumns, 'reason-for-cast': reasonForCast, 'short-transactions': shortTransactions },
};
