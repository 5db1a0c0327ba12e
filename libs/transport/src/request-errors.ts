import { DtaError } from '@dta/errors';

/** A request went to a subject nobody serves. */
export function noResponderError(subject: string): DtaError {
  return new DtaError('service_unavailable', `nobody serves ${subject}`, { metadata: { subject } });
}

/** There is no connection, or it was lost before the reply came. */
export function disconnectedError(): DtaError {
  return new DtaError('service_unavailable', 'there is no connection to the message broker');
}

/** The transport was closed. */
export function closedError(): DtaError {
  return new DtaError('service_unavailable', 'the transport is closed');
}

/** No reply came in time; the message may have been handled all the same. */
export function timeoutError(subject: string, timeoutMs: number): DtaError {
  return new DtaError('timeout', `no reply from ${subject} within ${timeoutMs} ms`, {
    metadata: { subject, timeoutMs },
  });
}

/** Ends a request that has no time left, before it is sent. */
export function checkTimeLeft(subject: string, timeoutMs: number): void {
  if (!(timeoutMs > 0)) throw timeoutError(subject, timeoutMs); // NaN has none either
}

/** A timer that takes any positive time: none overflows the 32 bits a timer has. */
export function startTimer(ms: number, fire: () => void): { stop(): void } {
  const timer = setTimeout(fire, Math.min(ms, 0x7fffffff));
  return { stop: () => clearTimeout(timer) };
}
