import { pkcs11Settings } from '@dta/node';
import { secret, settings } from '@dta/service';
import { z } from 'zod';

/** Settings of `dta migrate` and `dta admin`; also by the path of a file that holds it, as DATABASE_URL_FILE. */
export const migrateSettings = z.strictObject({
  DATABASE_URL: secret(settings.address(/^postgres(ql)?$/)).describe("a role's own PostgreSQL database"),
});

/** Settings that name a token, of `dta custody check` and of `dta identity create --custody-pkcs11`. */
export const tokenSettings = z.strictObject(pkcs11Settings);
