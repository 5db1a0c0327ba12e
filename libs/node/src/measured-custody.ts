import type { Custody, CustodySigning } from '@dta/custody';
import { toDtaError, type ErrorCode } from '@dta/errors';
import type { SigningKey } from '@dta/identity';

/** How one operation of custody ended. */
export interface CustodyOperation {
  readonly operation: 'seal' | 'open' | 'random' | 'destroy' | 'keys' | 'sign' | 'signing-key';
  /** `ok`, or the error's code */
  readonly code: 'ok' | ErrorCode;
  readonly seconds: number;
}

/** Told of each operation as it ends. */
type Observe = (operation: CustodyOperation) => void;

interface Watch {
  readonly ended: Observe;
  readonly failed: (operation: CustodyOperation['operation'], error: unknown) => void;
}

/** The same custody, telling of each operation as it ends, whoever asked for it, and of each that failed why. */
export function measuredCustody(
  custody: Custody,
  observed: Observe,
  failed: (operation: CustodyOperation['operation'], error: unknown) => void,
): Custody {
  const observe: Watch = { ended: observed, failed };
  return {
    kind: custody.kind,
    erasesForCertain: custody.erasesForCertain,
    seal: (key, context, plaintext) => measured(observe, 'seal', () => custody.seal(key, context, plaintext)),
    open: (key, context, sealed) => measured(observe, 'open', () => custody.open(key, context, sealed)),
    random: (length) => measured(observe, 'random', () => custody.random(length)),
    destroy: (key) => measured(observe, 'destroy', () => custody.destroy(key)),
    keys: () => measured(observe, 'keys', () => custody.keys()),
    ...(custody.signing !== undefined && { signing: measuredSigning(custody.signing, observe) }),
    close: () => custody.close(),
  };
}

function measuredSigning(signing: CustodySigning, observe: Watch): CustodySigning {
  const measuredKey = (key: SigningKey): SigningKey => ({
    publicKey: key.publicKey,
    sign: (message) => measured(observe, 'sign', () => key.sign(message)),
  });
  const ofKeys = <T>(run: () => Promise<T>) => measured(observe, 'signing-key', run);
  return {
    create: async () => measuredKey(await ofKeys(() => signing.create())),
    open: async (publicKey) => measuredKey(await ofKeys(() => signing.open(publicKey))),
    destroy: (publicKey) => ofKeys(() => signing.destroy(publicKey)),
  };
}

async function measured<T>(
  { ended, failed }: Watch,
  operation: CustodyOperation['operation'],
  run: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  const tell = (code: CustodyOperation['code']) =>
    ended({ operation, code, seconds: (performance.now() - begun) / 1000 });
  try {
    const result = await run();
    tell('ok');
    return result;
  } catch (error) {
    tell(toDtaError(error).code);
    failed(operation, error);
    throw error;
  }
}
