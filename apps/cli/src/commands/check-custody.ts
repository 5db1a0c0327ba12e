import { checkToken, type CheckedAbility } from '@dta/custody';
import { readToken } from '../read-token.js';
import { table } from '../table.js';

/** What {@link checkCustody} found. */
export interface CustodyVerdict {
  /** for the operator to read */
  readonly table: string;
  /** Whether the token has all that custody needs. */
  readonly fit: boolean;
}

/**
 * Tries everything that custody asks of the token that the environment names, with objects that it destroys after.
 *
 * @param options.force whether the PIN is tried though the token has counted wrong ones
 * @throws `configuration_invalid` where settings are missing
 */
export async function checkCustody(
  environment: Readonly<Record<string, string | undefined>>,
  { force = false }: { readonly force?: boolean } = {},
): Promise<CustodyVerdict> {
  const options = readToken(environment);
  const abilities = await checkToken({ ...options, careful: !force });
  const fit = abilities.every(({ needed, works }) => works || !needed);
  const verdict = fit ? 'fit for custody' : 'NOT fit for custody: it lacks what is needed';
  return { table: `${table(abilities.map(rowOf))}\n\nThe token "${options.token}" is ${verdict}.`, fit };
}

function rowOf({ ability, needed, works, seen }: CheckedAbility): string[] {
  return [works ? 'yes' : needed ? 'NO' : 'no', `${ability}${needed ? '' : ' (not needed)'}`, seen];
}
