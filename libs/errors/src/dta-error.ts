import { errorCodes, type ErrorCode } from './codes.js';

/** What an error may say about itself beside its message: plain values, never key bytes, PINs, tokens or plaintext. */
export type ErrorMetadata = Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>;

/**
 * The one error class. A caller branches on {@link DtaError.code}; a person reads the message.
 *
 * @example
 * throw new DtaError('terms_invalid', 'threshold 4 is above the 3 fiduciaries', { metadata: { threshold: 4, n: 3 } });
 */
export class DtaError extends Error {
  override readonly name = 'DtaError';
  readonly code: ErrorCode;
  readonly metadata: ErrorMetadata;

  constructor(code: ErrorCode, message: string, options: { metadata?: ErrorMetadata; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.metadata = options.metadata ?? {};
  }

  /** What may leave the process: code, message, metadata; neither cause nor stack. */
  toJSON(): { code: ErrorCode; message: string; metadata: ErrorMetadata } {
    return { code: this.code, message: this.message, metadata: this.metadata };
  }
}

/** Whether `error` is a {@link DtaError}, of one of `codes` where any are given. */
export function isDtaError(error: unknown, ...codes: ErrorCode[]): error is DtaError {
  return error instanceof DtaError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * The error itself where it is ours, else an `internal` error that keeps it as cause and says nothing of it outside.
 */
export function toDtaError(error: unknown): DtaError {
  return error instanceof DtaError ? error : new DtaError('internal', 'unexpected error', { cause: error });
}

/** Whether `code` is one of ours; a code from another node may not be. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return (errorCodes as readonly unknown[]).includes(code); // widened: `includes` only takes its own element type
}
