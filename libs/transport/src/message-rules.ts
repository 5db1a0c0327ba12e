import { DtaError } from '@dta/errors';

const subjectPattern = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const headerValue = /^[\x20-\x7e]*$/;

const none = new Uint8Array();

/** Most bytes of a message's headers, as they are encoded: ours are an error code, a wait and a trace. */
export const HEADERS_MAX_BYTES = 4 * 1024;

/** Whether `name` is a token of RFC 9110. */
export function isHeaderName(name: string): boolean {
  return headerName.test(name);
}

/**
 * Refuses what could end a command of the NATS protocol early or subscribe to more than one subject.
 *
 * @throws DtaError `request_invalid`
 */
export function checkSubject(subject: string): void {
  if (subject.length > 255 || !subjectPattern.test(subject)) {
    throw new DtaError('request_invalid', 'a subject is 1 to 255 letters, digits, - and _ in tokens joined by dots');
  }
}

/**
 * @throws DtaError `request_invalid` for a header that wouldn't arrive as it was sent, and for more than
 * {@link HEADERS_MAX_BYTES} of them
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeaderName(name) || !headerValue.test(value) || value !== value.trim()) {
      throw new DtaError('request_invalid', 'a header name is a token of RFC 9110, its value printable ASCII', {
        metadata: { header: name.slice(0, 64) },
      });
    }
  }
  if (messageSize(none, headers) > HEADERS_MAX_BYTES) {
    throw new DtaError('request_invalid', `the headers of a message have at most ${HEADERS_MAX_BYTES} bytes`);
  }
}

/** Bytes of a message as a NATS server counts them against its limit: payload, and headers as they are encoded there. */
export function messageSize(payload: Uint8Array, headers: Readonly<Record<string, string>>): number {
  const entries = Object.entries(headers);
  if (entries.length === 0) return payload.length;
  const frame = 'NATS/1.0\r\n\r\n'.length;
  return entries.reduce((size, [name, value]) => size + name.length + value.length + 4, payload.length + frame);
}

/**
 * @throws DtaError `too_large` with metadata `size` and `maxPayload`
 */
export function checkSize(size: number, maxPayload: number): void {
  if (size > maxPayload) {
    throw new DtaError('too_large', `a message of ${size} bytes is above the limit of ${maxPayload}`, {
      metadata: { size, maxPayload },
    });
  }
}
