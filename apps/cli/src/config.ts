import { secret } from '@dta/service';
import { z } from 'zod';

/** Settings of `dta migrate`; also by the path of a file that holds it, as DATABASE_URL_FILE. */
export const migrateSettings = z.strictObject({
  DATABASE_URL: secret(z.url({ protocol: /^postgres(ql)?$/ })).describe("a role's own PostgreSQL database"),
});
