import { toDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { Logger } from '@dta/service';
import type { CustodyOperation } from './measured-custody.js';

/** The same failure is told of again after this. */
const AGAIN_MS = 60_000;

/** Told of each operation of custody that failed. */
export type CustodyLog = (operation: CustodyOperation['operation'], error: unknown) => void;

/**
 * One line for each kind of failure, once a minute: the operation, the code, the sentence, the return value of Cryptoki. A
 * custody that is away may come back (`warn`); what it does not open, or any other failure, is for a person (`error`).
 */
export function createCustodyLog(log: Logger, role: Role, now: () => number = () => performance.now()): CustodyLog {
  const told = new Map<string, { at: number; leftOut: number }>();
  return (operation, error) => {
    const { code, message, metadata } = toDtaError(error);
    const { ckr } = metadata;
    const key = [operation, code, ckr].join(' ');
    const before = told.get(key);
    if (before !== undefined && now() - before.at < AGAIN_MS) {
      before.leftOut += 1;
      return;
    }
    told.set(key, { at: now(), leftOut: 0 });
    const fields = { role, operation, code, ...(ckr !== undefined && { ckr }), reason: message };
    const more = { ...(before !== undefined && before.leftOut > 0 && { leftOut: before.leftOut }) };
    const unforeseen = code === 'internal' ? { err: error } : {};
    log[code === 'custody_unavailable' ? 'warn' : 'error']({ ...fields, ...more, ...unforeseen }, 'custody failed');
  };
}
