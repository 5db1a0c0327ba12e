import { DtaError } from '@dta/errors';
import type { Msg } from 'nats';
import { HEADERS_MAX_BYTES, isHeaderName } from '../message-rules.js';

/**
 * The headers of a received message, the first value of each. The block is read here: the library's parser throws for names
 * that it doesn't like, and takes a time that grows with the square of their number (six seconds for 138 kB of them).
 *
 * @throws DtaError `request_invalid` for a block above {@link HEADERS_MAX_BYTES}, or with a line that is no header
 */
export function readHeaders(message: Msg): Readonly<Record<string, string>> {
  const [, ...lines] = linesOf(message);
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === '') continue;
    const [name = ''] = line.split(':', 1);
    if (name === line || !isHeaderName(name)) {
      throw new DtaError('request_invalid', 'the headers of the message are malformed');
    }
    if (!headers.has(name)) headers.set(name, line.slice(name.length + 1).trim());
  }
  return Object.fromEntries(headers);
}

/** Whether the server answers in the place of a service that isn't there (NATS status 503). */
export function isNoResponders(message: Msg): boolean {
  if (message.data.length > 0) return false;
  try {
    readHeaders(message);
    return /^NATS\/1\.0 +503\b/.test(linesOf(message)[0] ?? '');
  } catch {
    return false; // malformed headers are no status
  }
}

/** Lines of the header block, the status line first. @throws DtaError `request_invalid` */
function linesOf(message: Msg): string[] {
  const block = headerBlock(message);
  if (block.length > HEADERS_MAX_BYTES) {
    throw new DtaError('request_invalid', `the headers of a message have at most ${HEADERS_MAX_BYTES} bytes`);
  }
  return Buffer.from(block).toString('latin1').split('\r\n');
}

/** The payload as plain bytes of our own: the library gives a view of what it read from the socket. */
export function readPayload(message: Msg): Uint8Array {
  return new Uint8Array(message.data);
}

/** How the library holds a message: all bytes as they came, and how many of them are headers, −1 for none. */
interface RawMessage {
  readonly _rdata: Uint8Array;
  readonly _msg: { readonly hdr: number };
}

/** The bytes of the headers as they came, which the library shows parsed alone. */
function headerBlock(message: Msg): Uint8Array {
  const { _rdata: bytes, _msg: said } = message as unknown as RawMessage; // of the pinned version; a test notices another
  return said.hdr > 0 ? bytes.subarray(0, said.hdr) : new Uint8Array();
}
