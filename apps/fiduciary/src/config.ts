import { oneCustody, roleSettings } from '@dta/node';
import { z } from 'zod';

/** Settings of a fiduciary. */
export const fiduciarySettings = z.strictObject(roleSettings).superRefine(oneCustody);
