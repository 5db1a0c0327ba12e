import { parseCid, type Cid } from '@dta/codec';
import { oneCustody, pluginSettings, roleSettings, type NodeOptions } from '@dta/node';
import { settings } from '@dta/service';
import { z } from 'zod';

const cid = z.string().transform((text, context): Cid => {
  try {
    return parseCid(text);
  } catch {
    context.issues.push({ code: 'custom', message: 'must be a CID', input: text });
    return z.NEVER;
  }
});

/** Settings of a principal. */
export const principalSettings = z
  .strictObject({
    ...roleSettings,
    ...pluginSettings,
    BENEFICIARY: cid.optional().describe('idDocumentCID of the beneficiary of orders that name none'),
    FIDUCIARY_SET: settings
      .list(z.string().pipe(cid))
      .default([])
      .describe('idDocumentCIDs of the fiduciaries of orders that name none'),
  })
  .superRefine(oneCustody);

/** What a principal is started with. */
export interface PrincipalOptions extends NodeOptions {
  /** of orders that name none; null: such orders are refused */
  readonly beneficiary: Cid | null;
  /** of orders that name none; empty: such orders are refused */
  readonly fiduciarySet: readonly Cid[];
}
