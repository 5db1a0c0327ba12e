import { beforeAll, describe, test } from '@jest/globals';
import { openPkcs11Custody, type Custody } from '@dta/custody';
import { custodyCompliance } from '@dta/custody/compliance';
import { freshToken, type SoftHsmToken } from '@dta/testkit';

let token: SoftHsmToken;
const open = (): Promise<Custody> => openPkcs11Custody(token);
beforeAll(async () => {
  token = await freshToken();
});

describe('compliance of custody by PKCS#11, on SoftHSM', () => {
  for (const { name, run } of custodyCompliance) test(name, () => run(open));
});
