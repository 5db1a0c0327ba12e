import { CID_TEXT, parseCid, type Cid } from '@dta/codec';
import { z } from 'zod';

/** A CID as text, in configuration, REST paths and bodies: version 1, dag-cbor, sha2-256, base32, 59 characters. */
export const cidText = z.codec(
  z.string().regex(CID_TEXT, 'must be the CID of a document (base32, begins with bafyrei)'),
  z.custom<Cid>((value) => typeof value === 'string', 'must be a CID'),
  {
    decode: (text, context) => {
      try {
        return parseCid(text);
      } catch {
        context.issues.push({ code: 'custom', message: 'must be the CID of a document', input: text });
        return z.NEVER;
      }
    },
    encode: (cid) => cid,
  },
);
