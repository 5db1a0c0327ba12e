import { bytesEqual } from '@dta/codec';
import { sha256 } from '@dta/crypto';
import { DtaError } from '@dta/errors';

/** How a signed statement names an attachment: SHA-256 [32]. */
export function attachmentHash(attachment: Uint8Array): Uint8Array {
  return sha256(attachment);
}

/**
 * The attachment that a statement names.
 *
 * @throws `attachment_invalid` where none of `attachments` has that hash: missing or altered on the way
 */
export function pickAttachment(attachments: readonly Uint8Array[], hash: Uint8Array): Uint8Array {
  const found = attachments.find((attachment) => bytesEqual(attachmentHash(attachment), hash));
  if (found === undefined)
    throw new DtaError('attachment_invalid', 'an attachment that a statement names is not there');
  return found;
}
