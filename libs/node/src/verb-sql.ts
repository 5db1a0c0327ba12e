import { messageOf, verbsWhere, type Message, type Verb } from '@dta/order';

/**
 * Verbs as a list of SQL literals. They stand in the text and aren't parameters, since a partial index on a verb is used only
 * where the planner sees it; they are names of our own table.
 */
export function sqlVerbs(verbs: readonly Verb[]): string {
  return verbs.length === 0 ? 'NULL' : verbs.map((verb) => `'${verb}'`).join(', ');
}

/** The verbs whose row is such a one, as {@link sqlVerbs}. */
export function sqlVerbsWhere(fits: (message: Message) => boolean): string {
  return sqlVerbs(verbsWhere(fits));
}

/**
 * Whether a row `d` of `deliveries` that is owed may be sent: one that goes after another verb and was never tried waits
 * while any of those, of the same envelope, is still owed. Those drive the order meanwhile.
 */
export const SQL_IS_ITS_TURN = verbsWhere(({ after }) => after !== null)
  .map(
    (verb) => `(d.verb <> ${sqlVerbs([verb])} OR d.last_error IS NOT NULL OR NOT EXISTS (
           SELECT FROM deliveries r
           WHERE r.envelope = d.envelope AND r.verb IN (${sqlVerbs(verbsBefore(verb))}) AND r.state = 'owed'))`,
  )
  .join(' AND ');

function verbsBefore(verb: Verb): Verb[] {
  const { after } = messageOf(verb);
  return after === null ? [] : [after];
}
