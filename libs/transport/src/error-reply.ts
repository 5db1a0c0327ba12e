import { DtaError, isErrorCode, type ErrorMetadata } from '@dta/errors';

/** What answers a message: bytes, and headers where it is an error. */
export interface Reply {
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const errorHeader = 'Dta-Error';
const retryHeader = 'Retry-After-Ms';
const maxBody = 16 * 1024;
const maxText = 500;
const maxEntries = 32;
const maxRetryAfterMs = 60_000;

/**
 * An error as it leaves the process: header `Dta-Error`, body `{ code, message, metadata }` in at most 16 KiB of JSON,
 * `Retry-After-Ms` where the metadata has it (docs/protocol.md section 5). Neither cause nor stack.
 */
export function encodeErrorReply(error: DtaError): Reply {
  const { code } = error;
  const metadata = plainMetadata(error.metadata);
  const message = clip(error.message);
  let payload = Buffer.from(JSON.stringify({ code, message, metadata }));
  if (payload.length > maxBody) payload = Buffer.from(JSON.stringify({ code, message, metadata: {} }));
  const retryAfterMs = metadata['retryAfterMs'];
  return {
    payload,
    headers: {
      [errorHeader]: code,
      ...(typeof retryAfterMs === 'number' && { [retryHeader]: String(Math.ceil(retryAfterMs)) }),
    },
  };
}

/**
 * The error a reply carries, undefined where it carries none. The sender isn't trusted: its text is cut and freed of
 * control characters, its metadata kept only as far as they are plain values, and a body that can't be read is left out.
 */
export function decodeErrorReply({ headers, payload }: Reply): DtaError | undefined {
  const remoteCode = headers[errorHeader];
  if (remoteCode === undefined) return undefined;
  const body = readBody(payload);
  const told = plainMetadata(body['metadata']);
  const metadata = { ...told, ...retryAfter(told['retryAfterMs'], headers[retryHeader]), remote: true };
  const message = typeof body['message'] === 'string' ? clip(body['message']) : 'the other side gave no reason';
  if (isErrorCode(remoteCode)) return new DtaError(remoteCode, message, { metadata });
  return new DtaError('internal', message, { metadata: { ...metadata, remoteCode: clip(remoteCode).slice(0, 64) } });
}

function readBody(payload: Uint8Array): Readonly<Record<string, unknown>> {
  if (payload.length > maxBody) return {};
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    return isRecord(body) ? body : {};
  } catch {
    return {}; // the header says what matters; a body from outside may be anything
  }
}

function plainMetadata(metadata: unknown): ErrorMetadata {
  if (!isRecord(metadata)) return {};
  const kept: [string, ErrorMetadata[string]][] = [];
  for (const [name, value] of Object.entries(metadata).slice(0, maxEntries)) {
    const plain = Array.isArray(value) ? plainList(value) : plainValue(value);
    if (name.length <= 64 && plain !== undefined) kept.push([clip(name), plain]);
  }
  return Object.fromEntries(kept);
}

function plainValue(value: unknown): string | number | boolean | null | undefined {
  if (typeof value === 'string') return clip(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'boolean' || value === null ? value : undefined;
}

function plainList(list: readonly unknown[]): (string | number)[] {
  return list.slice(0, maxEntries).flatMap((value) => {
    const plain = plainValue(value);
    return typeof plain === 'string' || typeof plain === 'number' ? [plain] : [];
  });
}

function retryAfter(inBody: unknown, inHeader: string | undefined): { retryAfterMs?: number } {
  const ms = typeof inBody === 'number' ? inBody : /^\d{1,9}$/.test(inHeader ?? '') ? Number(inHeader) : undefined;
  return ms === undefined ? {} : { retryAfterMs: Math.min(Math.max(ms, 0), maxRetryAfterMs) };
}

function clip(text: string): string {
  return text.slice(0, maxText).replace(/\p{Cc}/gu, ' ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
