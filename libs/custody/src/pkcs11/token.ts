import { timingSafeEqual } from '@dta/crypto';
import { isDtaError, type DtaError } from '@dta/errors';
import { setTimeout as delay } from 'node:timers/promises';
import { makeConnector, type Connector, type Session, type TokenOptions } from './connection.js';
import { returnValue } from './cryptoki.js';
import { CALLS_AT_A_TIME, openModule, type Pkcs11Module } from './module.js';
import { unavailable } from './unavailable.js';

/** Within this an operation has ended, waiting and logging in again included (docs/architecture.md, limits). */
const OPERATION_LIMIT_MS = 5_000;

/** How often a token is looked for before it is said not to be there, at a start. */
const ATTEMPTS = 4;
/** Longer than a connector's own first wait. */
const BETWEEN_ATTEMPTS_MS = 300;

/** A token that this process is logged in at. */
export interface Token {
  /**
   * Runs `operation` on a session of its own. Where the token turns out to be gone it is looked for, logged in at again,
   * and the operation is run once more, so it must bear that.
   *
   * @throws `custody_unavailable` where the token is away, refuses, or took more than {@link OPERATION_LIMIT_MS}
   */
  use<T>(operation: (session: Session) => Promise<T> | T): Promise<T>;
  close(): Promise<void>;
}

/** The part of this process that is logged in at one token. */
interface Shared {
  readonly opening: Promise<Token>;
  readonly pin: string;
  users: number;
}

const tokens = new Map<string, Shared>();

/**
 * Logs in at a token, or joins those of this process who did: a login holds for all of a process.
 *
 * @throws `custody_unavailable` with one sentence: no such module or token, a PIN that the token refuses
 */
export async function openToken(options: TokenOptions): Promise<Token> {
  const name = JSON.stringify([options.module, options.token]);
  const shared = tokens.get(name) ?? { opening: connectTo(options), pin: options.pin, users: 0 };
  tokens.set(name, shared);
  if (!samePin(shared.pin, options.pin)) throw unavailable(options.token, 'is open in this process with another PIN');
  const forget = () => {
    if (tokens.get(name) === shared) tokens.delete(name);
  };
  const token = await shared.opening.catch((cause: unknown) => {
    forget();
    throw cause;
  });
  shared.users += 1;
  return {
    use: (operation) => token.use(operation),
    close: async () => {
      shared.users -= 1;
      if (shared.users > 0) return;
      forget();
      await token.close();
    },
  };
}

function samePin(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  return timingSafeEqual(encoder.encode(a), encoder.encode(b));
}

async function connectTo(options: TokenOptions): Promise<Token> {
  const module = await openModule(options.module);
  const connector = makeConnector(module, options);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await connector.reconnect();
      break;
    } catch (error) {
      // a token may look away while another process logs in (SoftHSM writes its file anew); a PIN is tried once only
      if (attempt === ATTEMPTS) {
        await module.release();
        throw error;
      }
      await delay(BETWEEN_ATTEMPTS_MS);
    }
  }
  return {
    use: (operation) => {
      const due = { passed: false };
      return within(OPERATION_LIMIT_MS, due, options.token, () => run(module, connector, options, due, operation));
    },
    close: async () => {
      await module.permits.take(CALLS_AT_A_TIME); // what is under way ends first
      connector.disconnect();
      module.permits.give(CALLS_AT_A_TIME);
      await module.release();
    },
  };
}

/** One operation; after `due` nothing is begun any more, since nobody waits for it. */
async function run<T>(
  module: Pkcs11Module,
  connector: Connector,
  { token }: TokenOptions,
  due: { readonly passed: boolean },
  operation: (session: Session) => Promise<T> | T,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    await module.permits.take(1);
    try {
      if (due.passed) throw tooSlow(token);
      return await connector.withSession(operation);
    } catch (error) {
      if (isDtaError(error)) throw error;
      if (due.passed || attempt > 1 || !mayBeGone(error)) throw unavailable(token, reasonOf(error), error);
    } finally {
      module.permits.give(1);
    }
    await connector.reconnect();
  }
}

/** Rejects after `ms`; what `task` is at goes on, since a call into a module can't be broken off. */
async function within<T>(ms: number, due: { passed: boolean }, token: string, task: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      due.passed = true;
      reject(tooSlow(token));
    }, ms);
  });
  try {
    return await Promise.race([task(), overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Return values that are about what was asked, not about the token. All others, a vendor's own among them, are taken for
 * a token that may have gone.
 */
const aboutTheRequest =
  /^CKR_(ARGUMENTS_BAD|ATTRIBUTE_|TEMPLATE_|MECHANISM_|KEY_|DATA_|ENCRYPTED_DATA_|CURVE_|DOMAIN_PARAMS_|FUNCTION_NOT_SUPPORTED|OBJECT_HANDLE_INVALID|ACTION_PROHIBITED|BUFFER_TOO_SMALL|PIN_|TOKEN_WRITE_PROTECTED)/;

function mayBeGone(error: unknown): boolean {
  const value = returnValue(error);
  return value !== undefined && !aboutTheRequest.test(value);
}

function reasonOf(error: unknown): string {
  return `does not do what it is asked: ${returnValue(error) ?? 'unknown reason'}`;
}

function tooSlow(token: string): DtaError {
  return unavailable(token, `took more than ${OPERATION_LIMIT_MS / 1000} s`);
}
