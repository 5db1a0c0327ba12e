export { concat, bytesEqual, ascii, u32, u64, lengthPrefixed, toHex, fromHex } from './bytes.js';
export { decodeCanonical } from './canonical.js';
export { encodeCanonical, linkOf } from './encoder.js';
export { DOCUMENT_LIMITS, NO_ITEM_LIMITS, type ItemLimits } from './items.js';
export { cidOf, cidFromBytes, cidToBytes, cidToLink, parseCid, CID_BYTES, type Cid } from './cid.js';
export { padme, padToPadme, unpadPadme } from './padme.js';
export { CID_TEXT, fields, checkDocument, decodeDocument, encodeDocument, type DocumentSchema } from './document.js';
