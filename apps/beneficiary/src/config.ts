import { oneCustody, pluginSettings, roleSettings } from '@dta/node';
import { z } from 'zod';

/** Settings of a beneficiary. */
export const beneficiarySettings = z.strictObject({ ...roleSettings, ...pluginSettings }).superRefine(oneCustody);
