import { parseCid, type Cid } from '@dta/codec';
import { dta, type Member } from '@dta/testkit';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { query } from './databases.js';

/** The options by which `dta identity` opens a member's key file. */
export const protectedBy = ({ settings, custodyFile }: Member): string[] =>
  settings['KEY_PASSPHRASE_FILE'] === undefined
    ? ['--custody-software', custodyFile]
    : ['--passphrase-file', settings['KEY_PASSPHRASE_FILE']];

/** Changes a member's keys for the first time and starts its processes again. @returns its new idDocumentCID */
export async function rotate(rotated: Member): Promise<Cid> {
  const document = join(rotated.folder, 'identity-2');
  const cid = await dta([
    ...['identity', 'rotate', '--key-file', rotated.keyFile, '--document', document],
    ...protectedBy(rotated),
  ]);
  for (const process of rotated.processes) await process.restart();
  return parseCid(cid);
}

/** Whether a member has that identity document. */
export const knows = async (who: Member, cid: string) =>
  (await query(who, 'SELECT FROM identities WHERE cid = $1', [cid])).length > 0;

/** Waits until `holds`, which looks at the members' databases. @throws Error where it doesn't within 90 s */
export async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 90_000; !(await holds()); await delay(50)) {
    if (Date.now() > limit) throw new Error(`not so after 90 s: ${String(holds)}`);
  }
}
