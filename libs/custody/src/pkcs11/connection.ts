import { isDtaError } from '@dta/errors';
import { quietly, returnValue, type Handle } from './cryptoki.js';
import { CALLS_AT_A_TIME, type Pkcs11Module } from './module.js';
import { unavailable } from './unavailable.js';

/** Shortest and longest wait between two attempts to reach a token that is away. */
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 4_000;

/** Where a token is and what opens it. */
export interface TokenOptions {
  /** path of the module, a shared library */
  readonly module: string;
  /** label of the token */
  readonly token: string;
  /** PIN of its user */
  readonly pin: string;
  /** Whether no PIN is tried while the token's flags say that wrong ones were: for trying a token out; false by default. */
  readonly careful?: boolean;
}

/** What an operation has for itself while it runs. */
export interface Session {
  readonly module: Pkcs11Module;
  /** Of this session, which does one operation at a time. */
  readonly handle: Handle;
  /** Another one after each new login; handles of objects hold for one connection. */
  readonly connection: object;
  /** Gives up this session, whose state is unknown, for a fresh one. */
  renew(): void;
  /** For whoever found nothing: a token that is away may look like an empty one. @throws Error that has it looked for */
  assertThere(): void;
}

/** A login at a token and the sessions that were opened under it. */
interface Connection {
  readonly slot: Handle;
  /** of the module, when the login was made */
  readonly generation: number;
  /** sessions that nobody uses */
  readonly idle: Handle[];
}

/** Logs in at a token, hands out its sessions, and finds the token again after it went away. */
export interface Connector {
  /** Runs `operation`, for the holder of a permit. A session is used again only where its operation ended well. */
  withSession<T>(operation: (session: Session) => Promise<T> | T): Promise<T>;
  /**
   * Logs in anew; where the token isn't found the module is started anew too, since many notice only then that a token
   * is back. Who calls meanwhile waits for the same attempt.
   *
   * @throws `custody_unavailable`, at once where the last attempt failed a moment ago
   */
  reconnect(): Promise<void>;
  disconnect(): void;
}

/** A connector that isn't connected yet. */
export function makeConnector(module: Pkcs11Module, { token: label, pin, careful = false }: TokenOptions): Connector {
  const { cryptoki, pkcs11js, permits } = module;
  let connection: Connection | undefined;
  let attempt: Promise<void> | undefined;
  let wait = 0;
  let notBefore = 0;
  let failure: unknown;
  let pinRefused: unknown;

  const openSession = (slot: Handle) =>
    cryptoki.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);

  const logIn = (): Connection => {
    if (pinRefused !== undefined) throw pinRefused; // tokens lock themselves after a few wrong ones
    const slot = findSlot(module, label);
    const state = pinState(module, slot);
    if (state === 'locked') throw unavailable(label, `has locked its user's PIN (${FLAGS[state]}): ${UNLOCK}`);
    if (careful && state !== null)
      throw unavailable(label, `has counted wrong PINs (${FLAGS[state]}): ${TRY_ALL_THE_SAME}`);
    const session = openSession(slot);
    try {
      cryptoki.C_Login(session, pkcs11js.CKU_USER, pin);
    } catch (error) {
      const value = returnValue(error) ?? '';
      if (value !== 'CKR_USER_ALREADY_LOGGED_IN') {
        quietly(() => cryptoki.C_CloseSession(session));
        if (!value.startsWith('CKR_PIN_')) throw error;
        pinRefused = unavailable(
          label,
          `refuses the PIN (${value}); it is not tried again until the next start`,
          error,
        );
        throw pinRefused;
      }
    }
    return { slot, generation: module.generation(), idle: [] }; // the session stays: with the last one a login ends
  };

  const disconnect = () => {
    const { slot } = connection ?? {};
    connection = undefined;
    if (slot !== undefined) quietly(() => cryptoki.C_CloseAllSessions(slot));
  };

  const reconnect = async () => {
    if (performance.now() < notBefore) throw failure;
    await permits.take(CALLS_AT_A_TIME); // nobody is inside the module
    try {
      disconnect();
      try {
        connection = logIn();
      } catch (error) {
        if (error === pinRefused) throw error;
        module.reinitialize();
        connection = logIn();
      }
      wait = 0;
    } catch (error) {
      wait = Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, wait * 2));
      notBefore = performance.now() + wait;
      failure = isDtaError(error)
        ? error
        : unavailable(label, `is out of reach: ${returnValue(error) ?? 'unknown reason'}`, error);
      throw failure;
    } finally {
      permits.give(CALLS_AT_A_TIME);
    }
  };

  return {
    disconnect,
    reconnect: () => (attempt ??= reconnect().finally(() => (attempt = undefined))),
    withSession: async (operation) => {
      const under = connection;
      if (under === undefined || under.generation !== module.generation()) throw new Error(GONE);
      let handle = under.idle.pop() ?? openSession(under.slot);
      const close = () => quietly(() => cryptoki.C_CloseSession(handle));
      try {
        const result = await operation({
          module,
          connection: under,
          get handle() {
            return handle;
          },
          renew: () => {
            close();
            handle = openSession(under.slot);
          },
          assertThere: () => void cryptoki.C_GetTokenInfo(under.slot),
        });
        under.idle.push(handle);
        return result;
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

/** What a token says of its user's PIN before anyone tries one; null: nothing. */
type PinState = 'low' | 'final' | 'locked';
const FLAGS: Readonly<Record<PinState, string>> = {
  low: 'CKF_USER_PIN_COUNT_LOW',
  final: 'CKF_USER_PIN_FINAL_TRY',
  locked: 'CKF_USER_PIN_LOCKED',
};
const UNLOCK = 'its security officer sets a new one (C_InitPIN)';
const TRY_ALL_THE_SAME = 'make sure of the PIN, then say --force; a right one sets the count back';

function pinState({ cryptoki, pkcs11js }: Pkcs11Module, slot: Handle): PinState | null {
  const { flags } = cryptoki.C_GetTokenInfo(slot);
  if ((flags & pkcs11js.CKF_USER_PIN_LOCKED) !== 0) return 'locked';
  if ((flags & pkcs11js.CKF_USER_PIN_FINAL_TRY) !== 0) return 'final';
  return (flags & pkcs11js.CKF_USER_PIN_COUNT_LOW) === 0 ? null : 'low';
}

/** What a token that isn't there is said to answer. */
const GONE = 'CKR_TOKEN_NOT_PRESENT';

/** @throws `custody_unavailable` where no token has the label, or several have */
function findSlot({ cryptoki }: Pkcs11Module, label: string): Handle {
  const found = cryptoki.C_GetSlotList(true).filter((slot) => {
    try {
      return cryptoki.C_GetTokenInfo(slot).label.trimEnd() === label;
    } catch {
      return false; // another token, or ours on its way out
    }
  });
  const [slot] = found;
  if (slot === undefined) throw unavailable(label, 'is not there: no slot of the module has a token of this label');
  if (found.length > 1) throw unavailable(label, 'is there more than once: the module has several of this label');
  return slot;
}
